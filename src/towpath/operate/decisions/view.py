"""One consistent state of the log, and how rows are read from it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from towpath.core.clock import as_utc
from towpath.operate.decisions.columns import DECISION_SCHEMA, LABEL_SCHEMA, SIGNAL_SCHEMA, stack
from towpath.operate.decisions.contract import ANY
from towpath.operate.decisions.partitions import may_hold
from towpath.operate.decisions.streams import (
    DECISIONS,
    KEYED,
    LABELS,
    SIGNALS,
    is_stream,
    service_of,
)
from towpath.operate.decisions.tags import TAG, rows_about

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Segment
    from towpath.operate.decisions.records import DecisionFilter
    from towpath.operate.decisions.tails import RawRows
    from towpath.storage.blobs.contract import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Event times in [since, until); None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def contains(self, segment: Segment) -> bool:
        """Tell whether all rows of a file lie inside."""
        begins = self.since is None or as_utc(self.since) <= segment.since
        return begins and (self.until is None or segment.until < as_utc(self.until))

    def overlaps(self, segment: Segment) -> bool:
        """Tell whether rows of a file may lie inside."""
        if self.since is not None and segment.until < as_utc(self.since):
            return False
        return self.until is None or segment.since < as_utc(self.until)

    def holds(self, column: str) -> pl.Expr:
        """Return the condition that a row's time lies inside."""
        condition = pl.lit(value=True)
        if self.since is not None:
            condition &= pl.col(column) >= as_utc(self.since)
        if self.until is not None:
            condition &= pl.col(column) < as_utc(self.until)
        return condition


ALWAYS: Final = Window()
_SAMPLED: Final = ("kept", "service_version")
"""What decisions have since services may be sampled."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which files somebody may want to open, so that the ledger is not asked for all of them.

    Attributes:
        service: Decisions of this service alone; None: everything.
        window: Decisions of this time alone.
        beside: Other streams that are wanted with them.
        record_id: Whatever may hold this id, and nothing else.
    """

    service: str | None = None
    window: Window = ALWAYS
    beside: Sequence[str] = ()
    record_id: str | None = None

    def listed(self, tx: Transaction) -> list[Segment]:
        """Return the files, as a transaction sees them."""
        if self.service is None:
            every = tx.segments.list(record_id=self.record_id)
            return [one for one in every if is_stream(one.stream)]
        since, until = self.window.since, self.window.until
        found = tx.segments.list(
            f"{DECISIONS}{self.service}",
            since=None if since is None else as_utc(since),
            until=None if until is None else as_utc(until),
        )
        return found + [one for stream in self.beside for one in tx.segments.list(stream)]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Every row of the log, either raw or in a file, never in both.

    Reading raises `NotFound` or `FileNotFoundError` when a file was replaced since the view was taken.
    """

    blobs: BlobStore
    segments: Sequence[Segment]
    raw: RawRows

    def services(self) -> list[str]:
        """Return the services that have decisions."""
        streams = {segment.stream for segment in self.segments} | set(self.raw.streams)
        return sorted(service_of(name) for name in streams if name.startswith(DECISIONS))

    def files(self, stream: str) -> list[Segment]:
        """Return the files of a stream; all of one kind where it ends in a slash."""
        if stream.endswith("/"):
            return [segment for segment in self.segments if segment.stream.startswith(stream)]
        return [segment for segment in self.segments if segment.stream == stream]

    def only(self, segments: Sequence[Segment]) -> View:
        """Return the same state with fewer files."""
        return replace(self, segments=segments)

    def without_raw(self) -> View:
        """Return the same state without the rows that are in no file yet."""
        return replace(self, raw=type(self.raw)())

    def decisions(
        self,
        service: str,
        window: Window = ALWAYS,
        columns: Sequence[str] | None = None,
        where: DecisionFilter = ANY,
    ) -> pl.DataFrame:
        """Return the decisions of a service in a window; columns that no row has are null."""
        with ExitStack() as opened:
            paths = [
                opened.enter_context(self.blobs.open_local(segment.digest))
                for segment in self.decision_files(service, window, where)
            ]
            frames = [
                frame for path in paths if (frame := scanned(path, where, columns)) is not None
            ]
            frames += [frame.lazy() for frame in self.raw.frames(f"{DECISIONS}{service}")]
            picked = [_pick(chosen(frame, window, where), columns) for frame in frames]
            return stack(picked, schema_of(columns)).collect()

    def decision_files(
        self, service: str, window: Window = ALWAYS, where: DecisionFilter = ANY
    ) -> list[Segment]:
        """Return the files of a service that may hold what is asked for."""
        found = [one for one in self.files(f"{DECISIONS}{service}") if window.overlaps(one)]
        if where.subject is None:
            return found
        return [one for one in found if may_hold(one.partition, where.subject)]

    def rows(self, stream: str, schema: Mapping[str, Any]) -> pl.LazyFrame:
        """Return all rows of a stream other than decisions, as often as they were given."""
        with ExitStack() as opened:
            frames = [
                pl.read_parquet(opened.enter_context(self.blobs.open_local(segment.digest)))
                for segment in self.files(stream)
            ]
        # Files from before labels had a source lack that column.
        every = (pl.DataFrame(schema=dict(schema)), *frames, *self.raw.frames(stream))
        return stack([frame.lazy() for frame in every], schema)

    def labels(self) -> pl.LazyFrame:
        """Return all labels."""
        return self.rows(LABELS, LABEL_SCHEMA)

    def labels_of(self, decisions: pl.DataFrame) -> pl.LazyFrame:
        """Return the labels of some decisions, reading only files whose ids may meet theirs."""
        return self._rows_of(decisions, LABELS, LABEL_SCHEMA)

    def signals_of(self, decisions: pl.DataFrame) -> pl.LazyFrame:
        """Return the signals of some decisions by id, likewise."""
        return self._rows_of(decisions, SIGNALS, SIGNAL_SCHEMA)

    def keyed(self, service: str) -> pl.LazyFrame:
        """Return all signals that name a key of the service's callers."""
        return self.rows(f"{KEYED}{service}", SIGNAL_SCHEMA)

    def decision(self, decision_id: str) -> Mapping[str, Any] | None:
        """Return the row of one decision."""
        mine = pl.col("decision_id") == decision_id
        raw = (
            frame
            for stream, frames in self.raw.streams.items()
            if stream.startswith(DECISIONS)
            for frame in frames
        )
        row = _first_row(frame.filter(mine) for frame in raw)
        for segment in self.files(DECISIONS):
            if row is not None:
                break
            if segment.first_id <= decision_id <= segment.last_id:
                with self.blobs.open_local(segment.digest) as path:
                    row = _first_row([_id_first(path).filter(mine).collect()])
        return row

    def _rows_of(
        self, decisions: pl.DataFrame, stream: str, schema: Mapping[str, Any]
    ) -> pl.LazyFrame:
        if decisions.is_empty():
            return pl.LazyFrame(schema=dict(schema))
        first, last = decisions.select(
            first=pl.col("decision_id").min(), last=pl.col("decision_id").max()
        ).row(0)
        near = [s for s in self.files(stream) if s.first_id <= last and s.last_id >= first]
        inside = pl.col("decision_id").is_between(pl.lit(first), pl.lit(last))
        return self.only(near).rows(stream, schema).filter(inside)


def schema_of(columns: Sequence[str] | None) -> dict[str, Any]:
    """Return the schema of a frame without rows; columns beyond the fixed ones have no type yet."""
    fixed = {**DECISION_SCHEMA, "weight": pl.Float64}
    if columns is None:
        return fixed
    return {name: fixed.get(name, pl.Null) for name in columns}


def scanned(
    path: Path, where: DecisionFilter = ANY, columns: Sequence[str] | None = None
) -> pl.LazyFrame | None:
    """Return a file's rows that may be asked for; of one subject no others are read, None if none are."""
    if where.subject is None:
        return pl.scan_parquet(path)
    # What rows are chosen and weighed by comes along with what is asked for.
    needed = None if columns is None else {*columns, "at", *_SAMPLED, *where.asked()}
    found = rows_about(path, [where.subject], needed)
    return None if found is None else found.lazy()


def chosen(frame: pl.LazyFrame, window: Window, where: DecisionFilter = ANY) -> pl.LazyFrame:
    """Keep a frame's rows that are asked for, with how many decisions each stands for."""
    condition = window.holds("at")
    weighted = _weighted(frame)
    for name, value in where.asked().items():
        condition &= pl.col(name) == value
    return weighted.filter(condition)


def _pick(frame: pl.LazyFrame, columns: Sequence[str] | None) -> pl.LazyFrame:
    """Keep the asked-for columns, with nulls for those that a frame lacks."""
    if columns is None:
        return frame
    present = set(frame.collect_schema().names())
    missing = [pl.lit(None).alias(name) for name in columns if name not in present]
    return frame.with_columns(missing).select(columns)


def _weighted(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Add how many decisions each row stands for; rows from before sampling stand for themselves."""
    present = frame.collect_schema()
    if not set(_SAMPLED) & present.keys():
        frame = frame.with_columns(kept=pl.lit(1.0), service_version=pl.lit(None, pl.String))
    if TAG in present:
        frame = frame.drop(TAG)
    return frame.with_columns(weight=1 / pl.col("kept"))


def _id_first(path: Path) -> pl.LazyFrame:
    """Scan a file so that other columns are decoded only where the condition holds."""
    return pl.scan_parquet(path, parallel="prefiltered")


def _first_row(frames: Iterable[pl.DataFrame]) -> Mapping[str, Any] | None:
    for frame in frames:
        if not frame.is_empty():
            return frame.row(0, named=True)
    return None
