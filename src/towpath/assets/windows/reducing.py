"""Aggregates of many overlapping stretches of one array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole: TypeAlias = NDArray[np.int64]
    Floats: TypeAlias = NDArray[np.float64]

_Number = TypeVar("_Number", np.int64, np.float64)
_PAIRS_AT_ONCE = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """Which events each row's window holds: stretches of an order of the events.

    Attributes:
        order: `(m,) int64`: places of events.
        begin: `(n,) int64`: where in `order` each row's window begins.
        end: `(n,) int64`: where it ends; not before it begins.
    """

    order: Whole
    begin: Whole
    end: Whole

    @property
    def lengths(self) -> Whole:
        """How many events each window holds."""
        return self.end - self.begin

    def known(self, known_at: Whole, *, by: Whole) -> Spans:
        """Return the windows without events that were not known in time.

        Args:
            known_at: When each event of `order` became known.
            by: When each row had to know it.
        """
        late = (
            _reduce(np.maximum, known_at, self.begin, self.end, least=np.iinfo(np.int64).min) > by
        )
        if not late.any():
            return self
        lengths = np.where(late, self.lengths, 0)
        owner = np.repeat(np.arange(lengths.size), lengths)
        places = _places(self.begin, lengths)
        in_time = known_at[places] <= by[owner]
        kept = np.bincount(owner[in_time], minlength=lengths.size)
        # Windows with late events get stretches of their own behind the others'.
        begin = np.where(late, self.order.size + np.cumsum(kept) - kept, self.begin)
        return Spans(
            order=np.concatenate([self.order, self.order[places[in_time]]]),
            begin=begin,
            end=np.where(late, begin + kept, self.end),
        )


def reduce_spans(
    spans: Spans, values: pl.Series | None, function: str, kind: pl.DataType | None
) -> pl.Series:
    """Return one aggregate per window.

    Args:
        spans: The windows.
        values: The events' values, in the events' own order; None to count events.
        function: One of `FUNCTIONS`.
        kind: The type of the result.
    """
    if values is None:
        return pl.Series(spans.lengths, dtype=kind)
    if function in ("first", "last"):
        return _value_at(spans, values, first=function == "first")
    if function == "distinct":
        return pl.Series(_distinct(spans, values), dtype=kind)
    there = values.is_not_null().to_numpy()[spans.order]
    counts = _sum(there.astype(np.int64), spans)
    if function == "count":
        return pl.Series(counts, dtype=kind)
    numbers = values.cast(pl.Float64).fill_null(0).to_numpy()[spans.order]
    found = _of_numbers(function, numbers, there, counts, spans)
    least = {"sum": 0, "sd": 2}.get(function, 1)
    return pl.Series(found).set(pl.Series(counts < least), None)


def _of_numbers(
    function: str, numbers: Floats, there: NDArray[np.bool_], counts: Whole, spans: Spans
) -> Floats:
    begin, end = spans.begin, spans.end
    match function:
        case "min":
            numbers = np.where(there, numbers, np.inf)
            return _reduce(np.minimum, numbers, begin, end, least=np.inf)
        case "max":
            numbers = np.where(there, numbers, -np.inf)
            return _reduce(np.maximum, numbers, begin, end, least=-np.inf)
        case "sum":
            return _sum(numbers, spans)
        case "mean":
            return _sum(numbers, spans) / np.maximum(counts, 1)
        case _:
            # Deviations from one number near all of them: squares of large numbers would cancel.
            centre = float(numbers[there].mean()) if there.any() else 0.0
            apart = np.where(there, numbers - centre, 0.0)
            mean = _sum(apart, spans) / np.maximum(counts, 1)
            squares = _sum(np.square(apart), spans) - counts * np.square(mean)
            return np.sqrt(np.maximum(squares, 0) / np.maximum(counts - 1, 1))


def _sum(values: NDArray[_Number], spans: Spans) -> NDArray[_Number]:
    return _reduce(np.add, values, spans.begin, spans.end, least=0)


def _reduce(
    function: np.ufunc, values: NDArray[_Number], begin: Whole, end: Whole, *, least: float
) -> NDArray[_Number]:
    """Reduce each stretch of values; an empty one gives `least`.

    Every stretch is reduced by itself, so that its result hangs on nothing but its own values: equal
    events give equal features, bit for bit, in training and in serving. Rows are visited in order of
    where their stretch begins, since `reduceat` walks from the end of one to the beginning of the next.
    """
    full = np.flatnonzero(end > begin)
    found = np.full(begin.size, least, dtype=values.dtype)
    if full.size == 0:
        return found
    full = full[np.lexsort((end[full], begin[full]))]
    # One value more, so that a stretch may end where the values do.
    padded = np.append(values, values[:1])
    bounds = np.column_stack([begin[full], end[full]]).ravel()
    found[full] = function.reduceat(padded, bounds)[::2]
    return found


def _value_at(spans: Spans, values: pl.Series, *, first: bool) -> pl.Series:
    empty = spans.lengths == 0
    place = np.where(empty, 0, spans.begin if first else spans.end - 1)
    chosen = spans.order[place] if spans.order.size else np.zeros(place.size, dtype=np.int64)
    places = pl.Series(chosen).cast(pl.UInt32).set(pl.Series(empty), None)
    return values.to_frame("v").select(pl.col("v").gather(pl.lit(places))).to_series()


def _distinct(spans: Spans, values: pl.Series) -> Whole:
    """Count the different values of each window, some million events at a time."""
    codes = values.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()[spans.order]
    lengths = spans.lengths
    found = np.zeros(lengths.size, dtype=np.int64)
    reached = np.cumsum(lengths)
    begin = 0
    while begin < lengths.size:
        end = max(begin + 1, int(np.searchsorted(reached, reached[begin] + _PAIRS_AT_ONCE)))
        here = lengths[begin:end]
        owner = np.repeat(np.arange(here.size), here)
        pairs = np.unique(
            np.column_stack([owner, codes[_places(spans.begin[begin:end], here)]]), axis=0
        )
        known = pairs[pairs[:, 1] > 0]
        found[begin:end] = np.bincount(known[:, 0], minlength=here.size)
        begin = end
    return found


def _places(begin: Whole, lengths: Whole) -> Whole:
    """Return every place of stretches, one stretch after the other."""
    total = int(lengths.sum())
    starts = np.cumsum(lengths) - lengths
    return np.arange(total) - np.repeat(starts - begin, lengths)
