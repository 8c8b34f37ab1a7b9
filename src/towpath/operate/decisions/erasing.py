"""Takes one subject out of the log: finds the files that hold it and rewrites those."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from towpath.core.errors import IntegrityError, Unavailable
from towpath.operate.decisions.partitions import ParquetFile, encode, may_hold
from towpath.operate.decisions.records import ErasedDecisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger.records import Segment
    from towpath.operate.decisions.compaction import Compactor
    from towpath.operate.decisions.directory import SegmentDirectory
    from towpath.operate.decisions.shelf import SegmentShelf
    from towpath.storage.blobs.contract import BlobStore

_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFiles:
    """The files that hold a subject: digest to the ids of the decisions that go."""

    decisions: dict[str, list[str]]
    labels: dict[str, list[str]]

    @property
    def ids(self) -> set[str]:
        """All decisions of the subject."""
        return {name for names in self.decisions.values() for name in names}


def files_of_subject(
    blobs: BlobStore, segments: Sequence[Segment], subject_hash: str, *, more_ids: set[str]
) -> SubjectFiles:
    """Find the files with rows of a subject, and those with labels of its decisions.

    `more_ids` are decisions of the subject that no file holds yet, while a file may hold their labels.
    """
    decisions: dict[str, list[str]] = {}
    for segment in segments:
        if segment.stream != "labels" and may_hold(segment.partition, subject_hash):
            found = _ids_where(blobs, segment, pl.col("subject") == subject_hash)
            if found:
                decisions[segment.digest] = found
    ids = more_ids | {name for names in decisions.values() for name in names}
    labels: dict[str, list[str]] = {}
    for segment in segments:
        if segment.stream == "labels":
            near = [name for name in ids if segment.first_id <= name <= segment.last_id]
            found = near and _ids_where(blobs, segment, pl.col("decision_id").is_in(near))
            if found:
                labels[segment.digest] = found
    return SubjectFiles(decisions=decisions, labels=labels)


def erase_from_files(
    subject_hash: str,
    *,
    blobs: BlobStore,
    directory: SegmentDirectory,
    shelf: SegmentShelf,
    compactor: Compactor,
    timeout_s: float,
) -> ErasedDecisions:
    """Rewrite every file that holds a subject; see `DecisionLog.erase_subject`."""
    await_rotation(directory, timeout_s)
    with directory.exclusively():
        damaged = compactor.compact_held().damaged
        if damaged:
            raise IntegrityError(
                f"{len(damaged)} segments of decisions are damaged, so what they hold can't be erased",
                remedy="Restore them from a backup, or move them out of the decisions folder.",
                segments=list(damaged),
            )
        segments = {segment.digest: segment for segment in shelf.listed()}
        found = files_of_subject(blobs, list(segments.values()), subject_hash, more_ids=set())
        touched = found.decisions | found.labels
        if not touched:
            return ErasedDecisions(decisions=0, labels=0, rewritten={})
        added: list[ParquetFile] = []
        rewritten: dict[str, str | None] = {}
        for digest, ids in touched.items():
            file = _without(blobs, segments[digest], ids)
            rewritten[digest] = None if file is None else file.segment.digest
            if file is not None:
                added.append(file)
        erased = ErasedDecisions(
            decisions=sum(map(len, found.decisions.values())),
            labels=sum(map(len, found.labels.values())),
            rewritten=rewritten,
        )
        payload: dict[str, object] = {
            "subject_hash": subject_hash,
            "decisions": erased.decisions,
            "labels": erased.labels,
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


def _ids_where(blobs: BlobStore, segment: Segment, condition: pl.Expr) -> list[str]:
    """Return the ids of the rows that meet a condition."""
    with blobs.open_local(segment.digest) as path:
        found = pl.scan_parquet(path).filter(condition).select("decision_id").collect()
    return found["decision_id"].to_list()


def _without(blobs: BlobStore, segment: Segment, ids: Sequence[str]) -> ParquetFile | None:
    """Return the file less some rows, or None where nothing is left."""
    with blobs.open_local(segment.digest) as path:
        rows = pl.read_parquet(path)
    rows = rows.filter(~pl.col("decision_id").is_in(ids))
    return None if rows.is_empty() else encode(segment.stream, segment.partition, rows)
