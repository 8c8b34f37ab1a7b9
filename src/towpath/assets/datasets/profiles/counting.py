"""Counts a column's values: once to choose bins, ever after in the bins that are there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.datasets.profiles.column import ColumnProfile
from towpath.assets.datasets.profiles.distinct import sketch_numbers, sketch_texts
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ITEMS_MOST = 256
_LEAST_FENCED = 20
_FAR_OUT = 6.0  # halves of the interquartile range
_FENCE_BITS = 10
_HUGE = 1e150  # numbers beyond, and their squares, can't be added up
_NO_EDGES = np.empty(0, dtype=np.float64)


def profile_column(
    values: pl.Series, *, edges_most: int, least_count: int, distinct: bool
) -> ColumnProfile:
    """Choose bins for a column and count it.

    Args:
        values: The column.
        edges_most: The most edges a numeric column gets.
        least_count: How many rows must share a value before it is listed, and how many rows a bin
            holds at least on average: keeps single people out of profiles of personal data.
        distinct: Whether to estimate the number of different values.
    """
    numbers = as_numbers(values)
    if numbers is None:
        return _categories(values, least_count=least_count, distinct=distinct)
    ordered = np.sort(numbers[~np.isnan(numbers)])
    edges = _quantile_edges(ordered, min(edges_most, ordered.size // least_count))
    empty = ColumnProfile(
        name=values.name,
        type=str(values.dtype),
        kind="time" if values.dtype.is_temporal() else "number",
        nulls=0,
        edges=edges,
        items=(),
        counts=np.zeros(edges.size + 1, dtype=np.int64),
        fences=None if values.dtype.is_temporal() else _rounded(outlier_fences(ordered)),
    )
    counted = _count_ordered(empty, ordered, rows=len(values))
    if not distinct:
        return counted
    return replace(counted, registers=sketch_numbers(ordered))


def hide_column(values: pl.Series, *, distinct: bool) -> ColumnProfile:
    """Count a column's rows and nothing else but, if asked, how many values differ."""
    nulls = values.null_count()
    return ColumnProfile(
        name=values.name,
        type=str(values.dtype),
        kind="hidden",
        nulls=nulls,
        edges=_NO_EDGES,
        items=(),
        counts=np.array([len(values) - nulls], dtype=np.int64),
        registers=_sketch(values) if distinct else None,
    )


def recount_column(bins: ColumnProfile, values: pl.Series, *, distinct: bool) -> ColumnProfile:
    """Count a column in the bins of another profile of it."""
    distinct = distinct and bins.registers is not None
    if bins.kind == "hidden":
        return replace(hide_column(values, distinct=distinct), name=bins.name, type=bins.type)
    if bins.kind == "category":
        return _count_items(bins, values, _frequencies(values), distinct=distinct)
    numbers = as_numbers(values)
    if numbers is None:
        raise UsageError(
            f"column {bins.name!r} was profiled as numbers and now holds {values.dtype}",
            remedy="Profile it anew with Profile.of.",
        )
    ordered = np.sort(numbers[~np.isnan(numbers)])
    counted = _count_ordered(bins, ordered, rows=len(values))
    return replace(counted, registers=sketch_numbers(ordered) if distinct else None)


def as_numbers(values: pl.Series) -> NDArray[np.float64] | None:
    """Return a column as float64, nulls as NaN, times in microseconds; None if it holds words."""
    kind = values.dtype
    if kind == pl.Datetime:
        values = values.dt.timestamp("us")
    elif kind == pl.Date:
        values = values.cast(pl.Datetime("us")).dt.timestamp("us")
    elif not kind.is_numeric():
        return None
    return values.cast(pl.Float64).to_numpy()


def outlier_fences(ordered: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the bounds beyond which a value is an outlier, or None for values that hardly vary.

    Tukey's "far out" fences, three interquartile ranges beyond the quartiles, with each side measured
    by its own half of the range (Kimber, "Exploratory data analysis for possibly censored data from
    skewed distributions", 1990), so that a long tail on one side is not all outliers. Nearly a
    quarter of the values may be anything without moving them far.

    Args:
        ordered: Ascending numbers.
    """
    finite = ordered[np.isfinite(ordered)]
    if finite.size < _LEAST_FENCED:
        return None
    low, middle, high = (float(one) for one in np.quantile(finite, (0.25, 0.5, 0.75)))
    below, above = middle - low, high - middle
    if below == above == 0:
        return None
    # A side without width (many equal values) takes the other's.
    return low - _FAR_OUT * (below or above), high + _FAR_OUT * (above or below)


def _rounded(fences: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return fences a little further apart: they are made of three rows' values, which are not to stay."""
    if fences is None or not math.isfinite(fences[1] - fences[0]):
        return fences
    step = 2.0 ** (math.floor(math.log2(fences[1] - fences[0])) - _FENCE_BITS)
    return math.floor(fences[0] / step) * step, math.ceil(fences[1] / step) * step


def _sketch(values: pl.Series) -> NDArray[np.uint8]:
    numbers = as_numbers(values)
    if numbers is None:
        return sketch_texts(values.cast(pl.String).unique())
    return sketch_numbers(np.sort(numbers[~np.isnan(numbers)]))


def _quantile_edges(ordered: NDArray[np.float64], edges: int) -> NDArray[np.float64]:
    """Return values at evenly spaced ranks strictly inside, without repeats and without the top.

    The largest value is left out: the last bin is open, so leaving it out loses no count, and an
    extreme is the value most likely to point at somebody.
    """
    finite = ordered[np.isfinite(ordered)]
    if edges < 1 or finite.size < 2:
        return _NO_EDGES
    ranks = np.ceil(finite.size * np.arange(1, edges + 1) / (edges + 1)).astype(np.intp) - 1
    chosen = np.unique(finite[ranks])
    return chosen[chosen < finite[-1]]


def _count_ordered(
    bins: ColumnProfile, ordered: NDArray[np.float64], *, rows: int
) -> ColumnProfile:
    # Looking edges up among sorted values is an order faster than values among edges.
    below = np.searchsorted(ordered, bins.edges, side="right")
    usual = ordered[slice(*np.searchsorted(ordered, (-_HUGE, _HUGE)))]
    mean = float(usual.mean()) if usual.size else math.nan
    return replace(
        bins,
        nulls=rows - ordered.size,
        counts=np.diff(below, prepend=0, append=ordered.size).astype(np.int64),
        mean=mean,
        spread=float(np.square(usual - mean).sum()) if usual.size else 0.0,
        beyond=_beyond(bins.fences, ordered),
        sums=_sums(bins, ordered, below),
    )


def _sums(
    bins: ColumnProfile, ordered: NDArray[np.float64], below: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    """Return the sum of each group's numbers; those far outside count as if they stopped there."""
    groups = bins.groups
    if bins.edges.size < 2:  # one edge does not tell how far is far
        return None
    first, last = float(bins.edges[0]), float(bins.edges[-1])
    low, high = max(2 * first - last, -_HUGE), min(2 * last - first, _HUGE)
    kept = np.append(np.clip(ordered, low, high), 0.0)
    starts = np.concatenate([[0], below])[groups]
    found = np.add.reduceat(kept, starts)
    # Where a group is empty, reduceat gives the next group's first number.
    return np.where(np.diff(starts, append=ordered.size) > 0, found, 0.0)


def _beyond(fences: tuple[float, float] | None, ordered: NDArray[np.float64]) -> tuple[int, int]:
    if fences is None:
        return 0, 0
    below = int(np.searchsorted(ordered, fences[0], side="left"))
    return below, ordered.size - int(np.searchsorted(ordered, fences[1], side="right"))


def _frequencies(values: pl.Series) -> pl.DataFrame:
    """Return how many rows share each `value`, as text, nulls left out."""
    if not isinstance(values.dtype, pl.String | pl.Categorical | pl.Enum | pl.Boolean):
        raise UsageError(
            f"column {values.name!r} holds {values.dtype}, which has no profile",
            remedy="Use text, numbers, truth values or times.",
        )
    found = values.drop_nulls().alias("value").value_counts(name="rows")
    return found.with_columns(pl.col("value").cast(pl.String))


def _categories(values: pl.Series, *, least_count: int, distinct: bool) -> ColumnProfile:
    found = _frequencies(values)
    ranked = (
        found.filter(pl.col("rows") >= least_count)
        .sort("rows", "value", descending=[True, False])
        .head(ITEMS_MOST)
    )
    bins = ColumnProfile(
        name=values.name,
        type=str(values.dtype),
        kind="category",
        nulls=0,
        edges=_NO_EDGES,
        items=tuple(ranked["value"].to_list()),
        counts=np.empty(0, dtype=np.int64),
    )
    return _count_items(bins, values, found, distinct=distinct)


def _count_items(
    bins: ColumnProfile, values: pl.Series, found: pl.DataFrame, *, distinct: bool
) -> ColumnProfile:
    listed = found.filter(pl.col("value").is_in(list(bins.items)))
    rows_of = dict(listed.iter_rows())
    counts = [rows_of.get(item, 0) for item in bins.items]
    nulls = values.null_count()
    return replace(
        bins,
        nulls=nulls,
        counts=np.array([*counts, len(values) - nulls - sum(counts)], dtype=np.int64),
        registers=sketch_texts(found["value"]) if distinct else None,
    )
