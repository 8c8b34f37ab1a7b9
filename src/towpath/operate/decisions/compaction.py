"""Turns raw segments into Parquet, and many small files into fewer large ones."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl
import structlog

from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.decisions.partitions import (
    ROWS_PER_FILE,
    ParquetFile,
    cut,
    time_part,
)
from towpath.operate.decisions.shelf import SegmentShelf
from towpath.operate.decisions.tags import TAG
from towpath.operate.decisions.tails import RawRows, Tail, joined_by_shape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Segment
    from towpath.operate.decisions.directory import Source
    from towpath.storage.blobs.contract import BlobStore

KIND: Final = "decision_log"

_BATCH_BYTES: Final = 128 << 20
_FAN_IN: Final = 8

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What one pass did: raw segments turned into files, and small files merged into larger ones."""

    segments: int
    files: int
    merged: int
    damaged: tuple[str, ...] = ()


class Compactor:
    """Keeps the decision log of one folder compact. Process-safe: one at a time works on a folder.

    It is also the reconciler of intents `decision_log/<folder id>`: a folder's raw segments can only be
    compacted on its machine, so it hands rows of other folders back.

    Args:
        directory: The folder of raw segments.
        every_s: How long to wait between passes.
    """

    kinds: tuple[str, ...] = (KIND,)

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, directory: Path, *, every_s: float = 2.0
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._directory = SegmentDirectory(directory)
        self._shelf = SegmentShelf(ledger, blobs, self._directory)
        self._every_s = every_s

    def declare(self, tx: Transaction) -> None:
        """Ask for this folder to be kept compact, once and for all."""
        tx.intents.put(KIND, self._directory.id, project="towpath", spec={})

    def reconcile(self, held: Intent) -> None:
        """Make one pass, and be called again."""
        if held.name != self._directory.id:
            with self._ledger.write() as tx:
                tx.intents.advance(held, due_in_s=self._every_s)
            return
        done = self.compact()
        with self._ledger.write() as tx:
            status = {"damaged": list(done.damaged)}
            tx.intents.advance(held, phase="running", status=status, due_in_s=self._every_s)

    def compact(self) -> Compaction:
        """Turn every sealed segment, and those of dead writers, into Parquet; then merge."""
        with self._directory.exclusively():
            return self.compact_held()

    def compact_held(self, *, sparing: Collection[str] = ()) -> Compaction:
        """Like `compact`, for a caller that holds the folder already.

        Rows about subjects who were erased are left out; those of `sparing` come along all the same,
        for the caller who counts what it erases of them.
        """
        self._shelf.sweep()
        self._directory.recover()
        segments = files = 0
        damaged: list[str] = []
        withheld = sorted(self._shelf.erased_subjects().difference(sparing))
        for batch in _batches(self._directory.sources()):
            rows = RawRows()
            whole: list[str] = []
            for source in batch:
                tail = Tail(source.id)
                tail.follow(source.path)
                if tail.offset < source.path.stat().st_size:
                    damaged.append(source.id)
                    continue
                rows.extend(tail.rows)
                whole.append(source.id)
            if whole:
                if withheld and (count := rows.withhold(withheld)):
                    _log.info("decisions.withheld", rows=count)
                added = self._shelf.stage(_cut(rows))
                self._shelf.replace(added, sources=whole)
                segments, files = segments + len(whole), files + len(added)
        merged = self._merge()
        if segments or merged:
            _log.info("decisions.compacted", segments=segments, files=files, merged=merged)
        return Compaction(segments=segments, files=files, merged=merged, damaged=tuple(damaged))

    def _merge(self) -> int:
        """Merge files of one time and about one size where there are many; return how many went."""
        merged = 0
        tiers: dict[tuple[str, str, int], list[Segment]] = defaultdict(list)
        for segment in self._shelf.listed():
            if segment.rows < ROWS_PER_FILE // 2:
                # Eight files of a tier make one of the next, so a row is rewritten log8(n) times.
                tier = segment.rows.bit_length() // 3
                tiers[segment.stream, time_part(segment.partition), tier].append(segment)
        for (stream, _, _), segments in tiers.items():
            for alike in self._alike(segments):
                for start in range(0, len(alike) - _FAN_IN + 1, _FAN_IN):
                    merged += self._merge_these(stream, alike[start : start + _FAN_IN])
        return merged

    def _alike(self, segments: Sequence[Segment]) -> list[list[Segment]]:
        """Group files by their columns: rows of models with other inputs stay apart."""
        if len(segments) < _FAN_IN:
            return []
        shapes: dict[frozenset[str], list[Segment]] = defaultdict(list)
        for segment in segments:
            with self._blobs.open_local(segment.digest) as path:
                shapes[frozenset(pl.read_parquet_schema(path)) - {TAG}].append(segment)
        return list(shapes.values())

    def _merge_these(self, stream: str, segments: Sequence[Segment]) -> int:
        with ExitStack() as stack:
            frames = [
                pl.read_parquet(stack.enter_context(self._blobs.open_local(segment.digest)))
                for segment in segments
            ]
        rows = RawRows()
        # Their tags go: those of the files that they become are made as these are written.
        rows.streams[stream] = [frame.drop(TAG, strict=False) for frame in frames]
        self._shelf.replace(self._shelf.stage(_cut(rows)), retire=segments)
        return len(segments)


def _cut(rows: RawRows) -> Iterator[ParquetFile]:
    """Encode rows as files."""
    for stream, frames in rows.streams.items():
        for frame in joined_by_shape(frames):
            yield from cut(stream, frame)


def _batches(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Group sealed segments into batches that fit in memory."""
    batch: list[Source] = []
    size_bytes = 0
    for source in sources:
        if source.state != "sealed":
            continue
        batch.append(source)
        size_bytes += source.path.stat().st_size
        if size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch
