"""The point-in-time join: each row gets the features as they were known at its own moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from towpath.assets.features.declaration import FeatureView

    Whole: TypeAlias = NDArray[np.int64]

_CODE = "__entity_code"


def join_view(
    rows: pl.DataFrame, view: FeatureView, observations: pl.DataFrame, *, time: str
) -> pl.DataFrame:
    """Add a view's features to rows, as they were known at each row's `time`.

    Args:
        rows: Any table with the view's entity columns.
        view: The view.
        observations: Rows of the view's source.
        time: The column of `rows` that says when each row needs to know.
    """
    return as_of_join(
        rows,
        observations,
        entity=view.entity_columns,
        left_time=time,
        right_time=view.time,
        features=view.features,
        ttl=view.time_to_live,
        created=view.created,
    )


def as_of_join(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    entity: Sequence[str],
    left_time: str,
    right_time: str,
    features: Sequence[str],
    ttl: timedelta | None = None,
    created: str | None = None,
) -> pl.DataFrame:
    """Return `left` with the `features` of the observation that was known at each row's time.

    An observation of time `ts` is known from `max(ts, created)` on. At a moment t the newest one that
    is known wins: the largest ts, and of equal ones the largest `created`, and of equal ones the last
    row. It is used while ts + ttl ≥ t, both ends inclusive; once it is too old nothing older is used
    in its place. Every row of `left` comes back once, in order, with nulls where nothing was known.

    Sorts the observations once and looks every row up by binary search: O((n + m) log m), a few
    integers per row of memory beside the result.

    Args:
        left: The rows that ask, in any order. Null times or entities know nothing.
        right: The observations, in any order. Ones without time or entity are never found.
        entity: Columns by which both sides are matched.
        left_time: When each row asks.
        right_time: When each observation was true.
        features: Columns of `right` to add.
        ttl: How long an observation may be used; None for ever.
        created: Column of `right` that says when it became known; null means at once.

    Raises:
        NotFound: A named column is missing.
        UsageError: `left` already has a column that would be added.
    """
    _require(left, [*entity, left_time])
    _require(right, [*entity, right_time, *features, *([] if created is None else [created])])
    taken = [name for name in features if name in left.columns]
    if taken:
        raise UsageError(
            f"the rows already have a column {taken[0]!r}, which the join would add",
            remedy="Rename or drop it first.",
        )
    right = right.filter(pl.all_horizontal(pl.col(*entity, right_time).is_not_null()))
    found = _lookup(
        left, right, entity=entity, times=(left_time, right_time), ttl=ttl, created=created
    )
    chosen = right.select(pl.col(*features).gather(pl.lit(found)))
    return left.with_columns(chosen.get_columns())


def _lookup(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    entity: Sequence[str],
    times: tuple[str, str],
    ttl: timedelta | None,
    created: str | None,
) -> pl.Series:
    """Return, per row of `left`, the row number of its observation, or null."""
    if right.is_empty():
        return pl.repeat(None, left.height, dtype=pl.UInt32, eager=True)
    left_codes, codes = _encode(left, right, entity)
    asked, true_at = _micros(left[times[0]]), _micros(right[times[1]])
    if created is None:
        order = np.lexsort((true_at, codes))
        known_at, best = true_at[order], order
    else:
        made_at = _micros(right[created])
        known_at = np.maximum(true_at, made_at)
        order = np.lexsort((known_at, codes))
        known_at, best = known_at[order], _best_so_far(codes, true_at, made_at, order)
    at = _last_known(codes[order], known_at, left_codes, asked)
    hit = (at >= 0) & left[times[0]].is_not_null().to_numpy()
    chosen = best[at]
    if ttl is not None:
        hit &= asked - true_at[chosen] <= ttl // timedelta(microseconds=1)
    return pl.Series(np.where(hit, chosen, -1)).replace(-1, None)


def _best_so_far(codes: Whole, true_at: Whole, made_at: Whole, order: Whole) -> Whole:
    """Return, per place in `order`, the preferred one of the entity's observations up to there."""
    by_preference = np.lexsort((made_at, true_at))
    rank = np.empty(order.size, dtype=np.int64)
    rank[by_preference] = np.arange(order.size)
    # Codes grow along `order`, so one running maximum never carries over to the next entity.
    running = np.maximum.accumulate(codes[order] * order.size + rank[order])
    return by_preference[running % order.size]


def _last_known(codes: Whole, known_at: Whole, wanted: Whole, asked: Whole) -> Whole:
    """Return the last place with the wanted code and known_at ≤ asked, or -1: all searches in step.

    `codes` ascend, and `known_at` ascends within a code.
    """
    begin = np.searchsorted(codes, wanted, side="left")
    low, high = begin.copy(), np.searchsorted(codes, wanted, side="right")
    while (low < high).any():
        middle = (low + high) // 2
        earlier = (low < high) & (known_at[np.minimum(middle, codes.size - 1)] <= asked)
        low = np.where(earlier, middle + 1, low)
        high = np.where(earlier | (low >= high), high, middle)
    return np.where(low > begin, low - 1, -1)


def _encode(left: pl.DataFrame, right: pl.DataFrame, entity: Sequence[str]) -> tuple[Whole, Whole]:
    """Number the entities of `right`; an entity that only `left` knows gets -1."""
    known = right.select(entity).unique().with_row_index(_CODE)

    def codes(frame: pl.DataFrame) -> Whole:
        joined = frame.select(entity).join(
            known, on=list(entity), how="left", maintain_order="left"
        )
        return joined[_CODE].cast(pl.Int64).fill_null(-1).to_numpy()

    return codes(left), codes(right)


def _micros(times: pl.Series) -> Whole:
    """Return times as microseconds; null means since for ever."""
    whole = times.dt.timestamp("us") if times.dtype.is_temporal() else times.cast(pl.Int64)
    return whole.fill_null(np.iinfo(np.int64).min).to_numpy()


def _require(frame: pl.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in frame.columns:
            raise NotFound.named("column", column, frame.columns)
