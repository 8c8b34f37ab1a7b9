"""Takes subjects out of the log: finds the files that hold them, and rewrites each of those once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from towpath.core.digests import digest_json
from towpath.core.errors import IntegrityError, Unavailable
from towpath.operate.decisions.partitions import ParquetFile, encode, held_by
from towpath.operate.decisions.records import ErasedDecisions, Holdings
from towpath.operate.decisions.streams import DECISIONS, LABELS, SIGNALS, id_column, service_of
from towpath.operate.decisions.tags import is_about, rows_about

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from towpath.ledger.records import Segment
    from towpath.operate.decisions.compaction import Compactor
    from towpath.operate.decisions.directory import SegmentDirectory
    from towpath.operate.decisions.shelf import SegmentShelf
    from towpath.operate.decisions.view import View
    from towpath.storage.blobs.contract import BlobStore

_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFiles:
    """The files that hold some subjects: digest to the condition that its rows meet, and how many do."""

    decisions: dict[str, tuple[pl.Expr, int]]
    labels: dict[str, tuple[pl.Expr, int]]
    signals: dict[str, tuple[pl.Expr, int]]
    services: frozenset[str]

    @property
    def touched(self) -> dict[str, pl.Expr]:
        """Every file that must be rewritten, and which of its rows go."""
        every = self.decisions | self.labels | self.signals
        return {digest: condition for digest, (condition, _) in every.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRows:
    """What some subjects' rows are found by: ids, and the keys that a service's callers gave them."""

    ids: frozenset[str] = frozenset()
    keys: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: SubjectRows) -> SubjectRows:
        """Return both."""
        return SubjectRows(ids=self.ids | other.ids, keys=self.keys | other.keys)

    def condition(self, stream: str, first: str, last: str) -> pl.Expr | None:
        """Return what rows of a stream meet that belong to these decisions; None where none can.

        `first` and `last` bound the ids in the file.
        """
        if stream.startswith(DECISIONS):
            return None
        column = id_column(stream)
        mine = self.ids
        if column == "key":
            service = service_of(stream)
            mine = {key for name, key in self.keys if name == service}
        near = [name for name in mine if first <= name <= last]
        return pl.col(column).is_in(near) if near else None


def rows_of_subjects(frame: pl.DataFrame, service: str, subjects: Collection[str]) -> SubjectRows:
    """Return what a frame of decisions holds of some subjects."""
    found = frame.filter(is_about(subjects)).select("decision_id", "key")
    keys = found["key"].drop_nulls().to_list()
    return SubjectRows(
        ids=frozenset(found["decision_id"].to_list()),
        keys=frozenset((service, key) for key in keys),
    )


def files_of_subjects(
    blobs: BlobStore, segments: Sequence[Segment], subjects: Sequence[str], *, more: SubjectRows
) -> tuple[SubjectFiles, SubjectRows]:
    """Find the files with rows of some subjects, and those with labels and signals of their decisions.

    Each file is read once, however many subjects there are. `more` are decisions of theirs that no file
    holds yet, while a file may hold their labels.
    """
    rows = more
    decisions: dict[str, tuple[pl.Expr, int]] = {}
    services: set[str] = set()
    for segment in segments:
        if not segment.stream.startswith(DECISIONS):
            continue
        if theirs := held_by(segment.partition, subjects):
            service = service_of(segment.stream)
            with blobs.open_local(segment.digest) as path:
                held = rows_about(path, theirs, ("decision_id", "key"))
            if held is not None:
                found = rows_of_subjects(held, service, theirs)
                decisions[segment.digest] = (is_about(theirs), len(found.ids))
                services.add(service)
                rows |= found
    labels: dict[str, tuple[pl.Expr, int]] = {}
    signals: dict[str, tuple[pl.Expr, int]] = {}
    for segment in segments:
        condition = rows.condition(segment.stream, segment.first_id, segment.last_id)
        count = 0 if condition is None else _count(blobs, segment, condition)
        if condition is not None and count:
            (labels if segment.stream == LABELS else signals)[segment.digest] = (condition, count)
    files = SubjectFiles(
        decisions=decisions, labels=labels, signals=signals, services=frozenset(services)
    )
    return files, rows


def holdings_of(view: View, subjects: Sequence[str]) -> Holdings:
    """Tell what a view holds of some subjects."""
    raw = SubjectRows()
    services: set[str] = set()
    for stream, frames in view.raw.streams.items():
        if stream.startswith(DECISIONS):
            for frame in frames:
                found = rows_of_subjects(frame, service_of(stream), subjects)
                services.update([service_of(stream)] * bool(found.ids))
                raw |= found
    files, rows = files_of_subjects(view.blobs, view.segments, subjects, more=raw)
    counts = {LABELS: 0, SIGNALS: 0}
    for stream, frames in view.raw.streams.items():
        condition = rows.condition(stream, "", chr(0x10FFFF))
        if condition is not None:
            kind = LABELS if stream == LABELS else SIGNALS
            counts[kind] += sum(frame.filter(condition).height for frame in frames)
    return Holdings(
        decisions=len(rows.ids),
        labels=counts[LABELS] + sum(count for _, count in files.labels.values()),
        signals=counts[SIGNALS] + sum(count for _, count in files.signals.values()),
        files=tuple(sorted(files.touched)),
        services=tuple(sorted(services | files.services)),
    )


def erase_from_files(
    subjects: Collection[str],
    *,
    blobs: BlobStore,
    directory: SegmentDirectory,
    shelf: SegmentShelf,
    compactor: Compactor,
    timeout_s: float,
) -> ErasedDecisions:
    """Rewrite every file that holds one of some subjects; see `DecisionLog.erase_subjects`."""
    if not subjects:
        return ErasedDecisions(decisions=0, labels=0, rewritten={})
    shelf.note_erasures(subjects)
    await_rotation(directory, timeout_s)
    with directory.exclusively():
        damaged = compactor.compact_held(sparing=subjects).damaged
        if damaged:
            raise IntegrityError(
                f"{len(damaged)} segments of decisions are damaged, so what they hold can't be erased",
                remedy="Restore them from a backup, or move them out of the decisions folder.",
                segments=list(damaged),
            )
        segments = {segment.digest: segment for segment in shelf.listed()}
        found, _ = files_of_subjects(
            blobs, list(segments.values()), sorted(subjects), more=SubjectRows()
        )
        touched = found.touched
        if not touched:
            return ErasedDecisions(decisions=0, labels=0, rewritten={})
        rewritten: dict[str, str | None] = {}

        def files() -> Iterator[ParquetFile]:
            for digest, condition in touched.items():
                file = _without(blobs, segments[digest], condition)
                rewritten[digest] = None if file is None else file.segment.digest
                if file is not None:
                    yield file

        added = shelf.stage(files())
        erased = ErasedDecisions(
            decisions=sum(count for _, count in found.decisions.values()),
            labels=sum(count for _, count in found.labels.values()),
            signals=sum(count for _, count in found.signals.values()),
            rewritten=rewritten,
        )
        payload: dict[str, object] = {
            "subjects": len(subjects),
            "subjects_digest": digest_json(sorted(subjects)),
            "decisions": erased.decisions,
            "labels": erased.labels,
            "signals": erased.signals,
            "rewritten": rewritten,
        }
        retire = [segments[digest] for digest in touched]
        shelf.replace(added, retire=retire, event=("decisions.erased", payload))
    return erased


def await_rotation(directory: SegmentDirectory, timeout_s: float) -> None:
    """Have every writer of the folder seal what it has written so far.

    Raises:
        Unavailable: One that lives did not do so in time.
    """
    waiting = {source.id for source in directory.sources() if source.state == "open"}
    directory.request_rotation()
    deadline = time.monotonic() + timeout_s
    while True:
        directory.recover()
        waiting &= {source.id for source in directory.sources() if source.state == "open"}
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{len(waiting)} gateways did not hand over their decisions within {timeout_s:g} s",
                remedy="Look whether the gateways of this machine are stuck; the erasure is retried.",
                segments=sorted(waiting),
            )
        time.sleep(_POLL_S)


def _count(blobs: BlobStore, segment: Segment, condition: pl.Expr) -> int:
    """Return how many rows of a file meet a condition."""
    with blobs.open_local(segment.digest) as path:
        return pl.scan_parquet(path).filter(condition).select(pl.len()).collect().item()


def _without(blobs: BlobStore, segment: Segment, condition: pl.Expr) -> ParquetFile | None:
    """Return the file less the rows that meet a condition, or None where nothing is left."""
    with blobs.open_local(segment.digest) as path:
        rows = pl.read_parquet(path)
    rows = rows.remove(condition)
    return None if rows.is_empty() else encode(segment.stream, segment.partition, rows)
