"""The newest observation of each entity at a moment, in constant memory."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.features.joining import gather
from towpath.assets.features.layout import opened
from towpath.assets.features.searching import codes_of, find_coded
from towpath.assets.features.segments import open_segment
from towpath.core.clock import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from towpath.assets.features.arranging import Arranged, Whole
    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.layout import Layout
    from towpath.assets.features.segments import Segment
    from towpath.storage.blobs import BlobStore

_ROWS_PER_BATCH = 1 << 16


def newest_batches(
    blobs: BlobStore,
    layout: Layout,
    view: FeatureView,
    *,
    at: datetime,
    since: datetime | None = None,
    gained: Sequence[Segment] | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield each entity's newest observation known at a moment, unless its ttl is over.

    Args:
        blobs: The store with the layout's files.
        layout: The view's observations.
        view: The view; its ttl decides what is too old.
        at: The moment.
        since: With `gained`: only entities of which something became known after this moment.
        gained: Segments whose entities are returned whatever `since` says.
    """
    for partition in range(layout.partitions):
        with opened(blobs, layout, partition) as parts:
            entities = _entities(parts)
            if gained is not None and since is not None:
                mine = [one for one in gained if one.partition == partition]
                entities = _touched(blobs, layout, parts, mine, since=since, at=at)
                codes = [codes_of(one, entities) for one in parts]
            else:
                codes = _codes_of_all(parts, entities)
            for begin in range(0, entities.height, _ROWS_PER_BATCH):
                mine = slice(begin, begin + _ROWS_PER_BATCH)
                found = _newest(parts, entities[mine], [one[mine] for one in codes], view, at)
                if not found.is_empty():
                    yield found


def _codes_of_all(parts: list[Arranged], entities: pl.DataFrame) -> list[Whole]:
    """Return the number in each part of every entity, as `_entities` lists them."""
    if len(parts) == 1:
        return [np.arange(entities.height)]
    return [codes_of(one, entities) for one in parts]


def _newest(
    parts: list[Arranged],
    entities: pl.DataFrame,
    codes: list[Whole],
    view: FeatureView,
    at: datetime,
) -> pl.DataFrame:
    moments = np.full(entities.height, to_micros(at))
    wanted = view.lookup().wanted
    found = find_coded(parts, codes, moments, mode="known", ttl_us=wanted.ttl_us)
    stamps = _stamps(parts, found.part, found.place, view)
    features = gather(parts, found, wanted.features)
    named = [one.alias(name) for one, name in zip(features, view.features, strict=True)]
    own = {one.name for one in stamps}
    columns = [*stamps, *(one for one in named if one.name not in own)]
    rows = entities.with_columns(columns).filter(pl.Series(found.part >= 0))
    return rows.select(list(view.columns))


def _stamps(
    parts: list[Arranged],
    part: np.ndarray[tuple[int], np.dtype[np.intp]],
    place: np.ndarray[tuple[int], np.dtype[np.int64]],
    view: FeatureView,
) -> list[pl.Series]:
    """Return when each found observation was true, and when it became known where that is told."""
    names = {"time": view.time, **({"created": view.created} if view.created else {})}
    columns: list[pl.Series] = []
    for theirs, own in names.items():
        dtype = parts[0].observations[theirs].dtype
        values = pl.repeat(None, part.size, dtype=dtype, eager=True).alias(own)
        for number, one in enumerate(parts):
            mine = np.flatnonzero(part == number)
            values = values.scatter(mine, one.observations[theirs].gather(place[mine]))
        columns.append(values)
    return columns


def _entities(parts: Sequence[Arranged]) -> pl.DataFrame:
    """Return every entity of some segments, once."""
    if len(parts) == 1:
        return parts[0].entities
    return pl.concat(one.entities for one in parts).unique(maintain_order=True)


def _touched(
    blobs: BlobStore,
    layout: Layout,
    parts: Sequence[Arranged],
    gained: Sequence[Segment],
    *,
    since: datetime,
    at: datetime,
) -> pl.DataFrame:
    """Return the entities of which something was gained, or became known between two moments."""
    after, until = to_micros(since), to_micros(at)
    found: list[pl.DataFrame] = []
    for one in parts:
        inside = np.flatnonzero((one.known_at > after) & (one.known_at <= until))
        runs = np.unique(np.searchsorted(one.bounds, inside, side="right") - 1)
        found.append(one.entities[pl.Series(runs, dtype=pl.Int64)])
    with ExitStack() as held:
        fresh = [open_segment(blobs, layout.shape, one, held).entities for one in gained]
        return pl.concat([*found, *fresh]).unique(maintain_order=True)
