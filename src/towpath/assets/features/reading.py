"""Joins features to rows from a stored layout, partition by partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.features.joining import answered, questions, refuse_taken
from towpath.assets.features.layout import opened, partition_of
from towpath.assets.features.searching import Questions

if TYPE_CHECKING:
    from towpath.assets.features.contract import JoinMode
    from towpath.assets.features.layout import Layout
    from towpath.assets.features.wanted import Wanted
    from towpath.storage.blobs import BlobStore


def join_layout(
    rows: pl.DataFrame,
    wanted: Wanted,
    layout: Layout,
    blobs: BlobStore,
    *,
    time: str,
    mode: JoinMode,
) -> pl.DataFrame:
    """Add what is wanted to rows from a layout.

    Args:
        rows: The rows that ask.
        wanted: What they ask for.
        layout: The view's observations.
        blobs: The store with the layout's files.
        time: The column that says when each row asks.
        mode: Which observations count.

    Raises:
        NotFound: `rows` lack a column, or the layout was purged since it was found.
        UsageError: A column is of the wrong type, or has the name of one that would be added.
    """
    refuse_taken(rows, wanted.names)
    asked = questions(rows, layout.shape, wanted.by, time)
    if layout.partitions == 1:
        with opened(blobs, layout, 0) as parts:
            return answered(rows, wanted, parts, asked, mode=mode)
    numbers = partition_of(asked.entities, layout.partitions)
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(layout.partitions), side="right")
    pieces: list[pl.DataFrame] = []
    begin = 0
    for partition, end in enumerate(ends.tolist()):
        mine = pl.Series(order[begin:end])
        begin = end
        part_asked = Questions(entities=asked.entities[mine], moments=asked.moments.gather(mine))
        with opened(blobs, layout, partition) as parts:
            pieces.append(answered(rows[mine], wanted, parts, part_asked, mode=mode))
    return pl.concat(pieces)[pl.Series(np.argsort(order, kind="stable"))]
