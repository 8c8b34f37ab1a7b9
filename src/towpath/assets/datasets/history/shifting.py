"""How far each column's distribution has moved between two versions, from their profiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from towpath.assets.datasets.profiles import compare

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.datasets.profiles import Comparison, Profile


def shifts(before: Profile, after: Profile, rows: pl.LazyFrame) -> tuple[Comparison, ...]:
    """Compare the columns that both have as the same type, the furthest moved first.

    Profiles that count in the same bins are compared as they are: nothing is read. The bins of a table
    that has doubled, or that was erased from, were chosen anew: those columns of the later version's
    `rows` are counted once more, batch by batch, in the earlier version's bins.
    """
    types = {column.name: column.type for column in before.columns}
    names = [one.name for one in after.columns if types.get(one.name) == one.type]
    anew = [name for name in names if not after.column(name).has_bins_of(before.column(name))]
    counted = {name: after.column(name) for name in names}
    if anew:
        again = _recounted(before.select(anew), rows.select(anew))
        counted |= {column.name: column for column in again.columns}
    found = [compare(before.column(name), counted[name]) for name in names]
    return tuple(sorted(found, key=_nearness))


def _recounted(bins: Profile, rows: pl.LazyFrame) -> Profile:
    total: Profile | None = None
    for batch in rows.collect_batches():
        counted = bins.recount(batch)
        total = counted if total is None else total.merge(counted)
    return bins.recount(rows.head(0).collect()) if total is None else total


def _nearness(comparison: Comparison) -> tuple[float, str]:
    return (math.inf if math.isnan(comparison.js) else -comparison.js, comparison.column)
