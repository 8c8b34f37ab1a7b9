"""One consistent state of the log, and how rows are read from it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from towpath.core.clock import as_utc
from towpath.operate.decisions.columns import DECISION_SCHEMA, LABEL_SCHEMA, stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from towpath.ledger.records import Segment
    from towpath.operate.decisions.tails import RawRows
    from towpath.storage.blobs.contract import BlobStore

LABELS: Final = "labels"


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
        files = {segment.stream.partition("/")[2] for segment in self.decision_files()}
        return sorted(files | set(self.raw.decisions))

    def decision_files(self, service: str | None = None) -> list[Segment]:
        """Return the files of decisions, of one service or all."""
        if service is None:
            return [segment for segment in self.segments if segment.stream != LABELS]
        return [segment for segment in self.segments if segment.stream == f"decisions/{service}"]

    def only(self, segments: Sequence[Segment]) -> View:
        """Return the same state with fewer files."""
        return replace(self, segments=segments)

    def decisions(
        self, service: str, window: Window = ALWAYS, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the decisions of a service in a window; columns that no row has are null."""
        inside = window.holds("at")
        with ExitStack() as opened:
            frames = [
                pl.scan_parquet(opened.enter_context(self.blobs.open_local(segment.digest)))
                for segment in self.decision_files(service)
                if window.overlaps(segment)
            ]
            frames += [frame.lazy() for frame in self.raw.decisions.get(service, ())]
            picked = [_pick(frame.filter(inside), columns) for frame in frames]
            return stack(picked, schema_of(columns)).collect()

    def labels(self) -> pl.LazyFrame:
        """Return all labels, as often as they were given."""
        with ExitStack() as opened:
            frames = [
                pl.read_parquet(opened.enter_context(self.blobs.open_local(segment.digest)))
                for segment in self.segments
                if segment.stream == LABELS
            ]
        # Files from before labels had a source lack that column.
        every = (pl.DataFrame(schema=LABEL_SCHEMA), *frames, *self.raw.labels)
        return stack([frame.lazy() for frame in every], LABEL_SCHEMA)

    def labels_of(self, decisions: pl.DataFrame) -> pl.LazyFrame:
        """Return the labels of some decisions, reading only files whose ids may meet theirs."""
        if decisions.is_empty():
            return pl.LazyFrame(schema=LABEL_SCHEMA)
        first, last = decisions.select(
            first=pl.col("decision_id").min(), last=pl.col("decision_id").max()
        ).row(0)
        near = [s for s in self.segments if s.first_id <= last and s.last_id >= first]
        return (
            self.only(near)
            .labels()
            .filter(pl.col("decision_id").is_between(pl.lit(first), pl.lit(last)))
        )

    def decision(self, decision_id: str) -> Mapping[str, Any] | None:
        """Return the row of one decision."""
        mine = pl.col("decision_id") == decision_id
        raw = (frame for frames in self.raw.decisions.values() for frame in frames)
        row = _first_row(frame.filter(mine) for frame in raw)
        for segment in self.decision_files():
            if row is not None:
                break
            with self.blobs.open_local(segment.digest) as path:
                row = _first_row([pl.scan_parquet(path).filter(mine).collect()])
        return row


def schema_of(columns: Sequence[str] | None) -> dict[str, Any]:
    """Return the schema of a frame without rows; columns beyond the fixed ones have no type yet."""
    if columns is None:
        return DECISION_SCHEMA
    return {name: DECISION_SCHEMA.get(name, pl.Null) for name in columns}


def _pick(frame: pl.LazyFrame, columns: Sequence[str] | None) -> pl.LazyFrame:
    """Keep the asked-for columns, with nulls for those that a frame lacks."""
    if columns is None:
        return frame
    present = set(frame.collect_schema().names())
    missing = [pl.lit(None).alias(name) for name in columns if name not in present]
    return frame.with_columns(missing).select(columns)


def _first_row(frames: Iterable[pl.DataFrame]) -> Mapping[str, Any] | None:
    for frame in frames:
        if not frame.is_empty():
            return frame.row(0, named=True)
    return None
