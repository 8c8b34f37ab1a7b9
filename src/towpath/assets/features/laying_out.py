"""Makes the layout of a source version: whole, or from an earlier one's and the rows gained since."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import polars as pl

from towpath.assets.datasets.scanning import load_manifest, scan_manifest
from towpath.assets.features.arranging import Arranged, arrange
from towpath.assets.features.gaining import gained
from towpath.assets.features.layout import Layout, partition_of
from towpath.assets.features.searching import codes_of, last_at
from towpath.assets.features.segments import EncodedSegment, Segment, encode_segment, open_segment
from towpath.assets.features.spilling import spilled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.assets.features.arranging import Whole
    from towpath.assets.features.shape import Shape
    from towpath.storage.blobs import BlobStore

ROWS_PER_PARTITION = 1 << 21
_SMALL_ROWS = 1 << 16
_TIER = 4
_HISTORY_MOST = 64


class Shelf(Protocol):
    """Where a layout's files go."""

    @property
    def blobs(self) -> BlobStore:
        """The store that holds the files of earlier layouts."""
        ...

    def put(self, encoded: EncodedSegment) -> None:
        """Keep a segment's files."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A layout whose files are stored.

    Attributes:
        layout: The layout.
        entities: How many entities it has observations of.
    """

    layout: Layout
    entities: int


class LayingOut:
    """Lays source versions out for one run, which the files are marked with.

    Args:
        sources: The blob store of the data sets.
        shelf: Where the layout's own files go.
        maker: Id of the run.
        rows_per_partition: How many observations are sorted in memory at once.
    """

    def __init__(
        self,
        sources: BlobStore,
        shelf: Shelf,
        *,
        maker: str,
        rows_per_partition: int = ROWS_PER_PARTITION,
    ) -> None:
        self._sources = sources
        self._shelf = shelf
        self._maker = maker
        self._rows_per_partition = rows_per_partition

    def whole(self, shape: Shape, manifest: str) -> Laid:
        """Lay every row out. Reads the source once; memory stays that of the largest partition.

        What does not fit in one partition is spread over temporary files first, which have no name
        and so can't outlive the process.
        """
        scan = scan_manifest(self._sources, manifest, columns=list(shape.columns))
        partitions = self._partitions(load_manifest(self._sources, manifest).rows)
        segments: list[Segment] = []
        for partition, rows in self._parted(shape, scan, partitions):
            arranged = arrange(shape, rows)
            del rows  # a copy less while its files are made
            if arranged.rows:
                segments.append(self._keep(arranged, partition=partition, upto=0))
        layout = Layout(
            shape=shape,
            history=(manifest,),
            extended=0,
            partitions=partitions,
            segments=tuple(segments),
        )
        return Laid(layout=layout, entities=sum(one.entities for one in segments))

    def extended(self, before: Laid, manifest: str) -> Laid | None:
        """Lay out what a version gained since an earlier layout; None where that won't do.

        It won't where rows went or changed, where a new row has an old one's entity, time and created
        (the source's key then says which wins, and a layout does not keep it), or where so much is
        new that starting over is quicker.
        """
        layout = before.layout
        room = 2 * self._rows_per_partition * layout.partitions - layout.rows
        rows = gained(
            self._sources,
            load_manifest(self._sources, layout.manifest),
            load_manifest(self._sources, manifest),
            layout.shape.columns,
            rows_most=min(max(layout.rows // 2, _SMALL_ROWS), max(room, 0)),
        )
        if rows is None:
            return None
        number = partition_of(rows.select(layout.shape.entity_names), layout.partitions)
        segments: list[Segment] = []
        entities = before.entities
        for partition in range(layout.partitions):
            fresh = arrange(layout.shape, rows.filter(pl.Series(number == partition)))
            grown = self._grown(layout, partition, fresh)
            if grown is None:
                return None
            segments += grown[0]
            entities += grown[1]
        layout = msgspec.structs.replace(
            layout,
            history=(*layout.history, manifest)[-_HISTORY_MOST:],
            extended=layout.extended + 1,
            segments=tuple(segments),
        )
        return Laid(layout=layout, entities=entities)

    def _grown(
        self, layout: Layout, partition: int, fresh: Arranged
    ) -> tuple[list[Segment], int] | None:
        """Return a partition's segments with fresh observations, and how many entities are new.

        Segments are merged as they come, so that each is at least four times as large as all that
        follow it: a few segments whatever the number of appends, and a row is written again a few
        times.
        """
        kept = layout.of_partition(partition)
        if not fresh.rows:
            return kept, 0
        with ExitStack() as held:
            opened = [open_segment(self._shelf.blobs, layout.shape, one, held) for one in kept]
            if any(_clash(one, fresh) for one in opened):
                return None
            known = np.zeros(fresh.directory.height, dtype=bool)
            for one in opened:
                known |= codes_of(one, fresh.entities) >= 0
            merged = fresh
            while kept and kept[-1].rows <= max(_SMALL_ROWS, _TIER * merged.rows):
                kept.pop()
                rows = pl.concat([opened.pop().to_rows(), merged.to_rows()])
                merged = arrange(layout.shape, rows, ties=())
            segment = self._keep(merged, partition=partition, upto=layout.extended + 1)
        return [*kept, segment], int((~known).sum())

    def _partitions(self, rows: int) -> int:
        partitions = 1
        while rows > partitions * self._rows_per_partition:
            partitions *= 2
        return partitions

    def _parted(
        self, shape: Shape, scan: pl.LazyFrame, partitions: int
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        if partitions == 1:
            yield 0, scan.collect()
            return

        def number(rows: pl.DataFrame) -> Whole:
            return partition_of(rows.select(shape.entity_names), partitions)

        yield from spilled(scan.collect_batches(), number, partitions)

    def _keep(self, arranged: Arranged, *, partition: int, upto: int) -> Segment:
        encoded = encode_segment(arranged, partition=partition, upto=upto, maker=self._maker)
        self._shelf.put(encoded)
        return encoded.entry


def _clash(old: Arranged, fresh: Arranged) -> bool:
    """Tell whether an observation has the entity, time and created of one that is there already."""
    runs = np.repeat(np.arange(fresh.directory.height), np.diff(fresh.bounds))
    codes = codes_of(old, fresh.entities)[runs]
    at = last_at(old, old.time, codes, fresh.time)
    alike = (at >= 0) & (old.time[np.maximum(at, 0)] == fresh.time)
    if old.created is None or fresh.created is None:
        return bool(alike.any())
    # Of equal times the largest created comes last: walk back to the one that is no larger.
    begin = old.bounds[codes]
    while (later := alike & (old.created[np.maximum(at, 0)] > fresh.created)).any():
        at = at - later
        alike &= (at >= begin) & (old.time[np.maximum(at, 0)] == fresh.time)
    return bool((alike & (old.created[np.maximum(at, 0)] == fresh.created)).any())
