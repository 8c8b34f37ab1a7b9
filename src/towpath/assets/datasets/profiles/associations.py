"""Which columns go together, from sums over drawn rows that add up exactly.

Every drawn row becomes a vector: per number whether it is there, its standardised value and its rank
(that of its bin among some thirty, fixed when the bins were chosen); per category one place for each
frequent value and one for the rest. The products of these vectors with themselves, summed up, hold
everything that correlations, correlation ratios and contingency tables are made of, with pairs of
missing values left out pair by pair. Sums of rows merge, and rows can be taken out again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.datasets.profiles.counting import as_numbers
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from towpath.assets.datasets.profiles.column import ColumnProfile

    Floats: TypeAlias = NDArray[np.float64]

NUMBERS_MOST = 24
CATEGORY_PLACES_MOST = 64
_ITEMS_MOST = 12
_COVERED = 0.5
_RANKS = 32
_FARTHEST = 1e6
_ROWS_AT_ONCE = 8_192
_ROUND = 64
_RANK_STEPS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodedNumber:
    """How a number's value becomes coordinates.

    Attributes:
        name: The column.
        centre: What is subtracted from a value.
        scale: What it is divided by then.
        edges: `(k,) float64`: value ≤ edges[i] and above the one before has rank i.
        ranks: `(k+1,) float64`: the mean rank of each bin's values, -½ to ½, when it was chosen.
    """

    name: str
    centre: float
    scale: float
    edges: Floats
    ranks: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedCategory:
    """Which values of a category have a place of their own; all others share the last one."""

    name: str
    items: tuple[str, ...]

    @property
    def places(self) -> int:
        """How many places it takes."""
        return len(self.items) + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Associations:
    """Sums of products over drawn rows.

    With m numbers and c places of categories, a row is `a = [there (m), value (m), rank (m),
    places (c)]`, with zeros for what is missing, and `b = [value² (m), rank² (m)]`.

    Attributes:
        numbers: The numbers and times, up to 24.
        categories: The categories, up to 64 places in all.
        rows: How many rows were drawn.
        products: `(3m+c, 3m+c) float64`, the sum of aᵀa.
        squares: `(2m, m+c) float64`, the sum of bᵀ[there, places].
    """

    numbers: tuple[CodedNumber, ...]
    categories: tuple[CodedCategory, ...]
    rows: int
    products: Floats
    squares: Floats

    def recount(self, drawn: pl.DataFrame) -> Associations:
        """Sum up over other drawn rows in the same code."""
        products, squares = np.zeros_like(self.products), np.zeros_like(self.squares)
        m = len(self.numbers)
        for begin in range(0, drawn.height, _ROWS_AT_ONCE):
            a = self._coordinates(drawn.slice(begin, _ROWS_AT_ONCE))
            products += a.T @ a
            b = np.square(a[:, m : 3 * m])
            squares += b.T @ np.hstack([a[:, :m], a[:, 3 * m :]])
        return replace(self, rows=drawn.height, products=products, squares=squares)

    def merge(self, other: Associations) -> Associations:
        """Return the sums over both sets of rows."""
        return self._combined(other, 1)

    def without(self, other: Associations) -> Associations:
        """Return the sums over these rows but for `other`'s, which are among them."""
        return self._combined(other, -1)

    def has_bins_of(self, other: Associations) -> bool:
        """Tell whether both use the same code."""
        return (
            self.categories == other.categories
            and [one.name for one in self.numbers] == [one.name for one in other.numbers]
            and all(
                (mine.centre, mine.scale) == (theirs.centre, theirs.scale)
                and np.array_equal(mine.edges, theirs.edges)
                for mine, theirs in zip(self.numbers, other.numbers, strict=True)
            )
        )

    def _combined(self, other: Associations, sign: int) -> Associations:
        if not self.has_bins_of(other):
            raise UsageError(
                "the profiles tell in different codes which columns go together",
                remedy="Use Profile.recount to count the second one's rows in the first one's code.",
            )
        return replace(
            self,
            rows=self.rows + sign * other.rows,
            products=self.products + sign * other.products,
            squares=self.squares + sign * other.squares,
        )

    def within(self, columns: Sequence[ColumnProfile]) -> Associations | None:
        """Return the sums in a code without the edges and items that some columns have no more.

        Places of items that go are added to that for the rest, exactly. Rows at an edge that goes keep
        the ranks they were counted with, half a rank off those that later ones get. None if the code is
        of older make and says to the last digit what was the mean of the rows it was chosen from.
        """
        if not all(map(_is_round, self.numbers)):
            return None
        known = {column.name: column for column in columns}
        numbers = tuple(
            _without_edges(one, known[one.name].edges) if one.name in known else one
            for one in self.numbers
        )
        m = len(self.numbers)
        kept: list[NDArray[np.intp]] = [np.arange(3 * m)]
        categories: list[CodedCategory] = []
        begin = 3 * m
        for one in self.categories:
            left = known[one.name].items if one.name in known else one.items
            items = tuple(item for item in one.items if item in left)
            places = {item: begin + place for place, item in enumerate(items)}
            rest = begin + len(items)
            kept.append(np.array([*(places.get(item, rest) for item in one.items), rest]))
            categories.append(replace(one, items=items))
            begin = rest + 1
        target = np.concatenate(kept)
        if tuple(categories) == self.categories:
            return replace(self, numbers=numbers)
        joined = np.zeros((target.size, begin))
        joined[np.arange(target.size), target] = 1.0
        beside = np.vstack([joined[:m], joined[3 * m :]])[:, [*range(m), *range(3 * m, begin)]]
        return replace(
            self,
            numbers=numbers,
            categories=tuple(categories),
            products=joined.T @ self.products @ joined,
            squares=self.squares @ beside,
        )

    def _coordinates(self, rows: pl.DataFrame) -> Floats:
        m = len(self.numbers)
        a = np.zeros((rows.height, self.products.shape[0]))
        for place, number in enumerate(self.numbers):
            values = as_numbers(rows.get_column(number.name))
            assert values is not None
            there = np.isfinite(values)
            a[:, place] = there
            known = values[there]
            standard = (known - number.centre) / number.scale
            a[there, m + place] = np.clip(standard, -_FARTHEST, _FARTHEST)
            a[there, 2 * m + place] = number.ranks[np.searchsorted(number.edges, known)]
        begin = 3 * m
        for category in self.categories:
            values = rows.get_column(category.name).cast(pl.String)
            codes = values.replace_strict(
                list(category.items),
                list(range(len(category.items))),
                default=len(category.items),
                return_dtype=pl.Int32,
            )
            there = values.is_not_null().to_numpy()
            a[there, begin + codes.to_numpy()[there]] = 1
            begin += category.places
        return a


def choose_associations(
    columns: Sequence[ColumnProfile], drawn: pl.DataFrame
) -> Associations | None:
    """Choose the code from a profile's bins and sum up over the drawn rows; None below two columns.

    Takes the first 24 numbers and times that vary, and categories as long as there is room; a
    category whose dozen most frequent values are less than half of it says nothing and is left out.
    """
    numbers: list[CodedNumber] = []
    categories: list[CodedCategory] = []
    room = CATEGORY_PLACES_MOST
    for column in columns:
        if column.kind in ("number", "time") and column.edges.size:
            numbers.append(_code_number(column))
        elif column.kind == "category":
            items = column.items[:_ITEMS_MOST]
            covered = int(column.counts[: len(items)].sum())
            varies = np.count_nonzero(column.counts) > 1
            if varies and covered >= _COVERED * column.count and len(items) < room:
                categories.append(CodedCategory(name=column.name, items=items))
                room -= len(items) + 1
    numbers = numbers[:NUMBERS_MOST]
    if len(numbers) + len(categories) < 2:
        return None
    m, c = len(numbers), sum(one.places for one in categories)
    empty = Associations(
        numbers=tuple(numbers),
        categories=tuple(categories),
        rows=0,
        products=np.zeros((3 * m + c, 3 * m + c)),
        squares=np.zeros((2 * m, m + c)),
    )
    return empty.recount(drawn)


def _code_number(column: ColumnProfile) -> CodedNumber:
    """Code a number by round figures.

    Any centre and scale near the mean and the deviation serve. The exact ones of a table that has lost
    a row since, beside those that it has now, would tell what the row was.
    """
    coarse = column.coarsened(_RANKS)
    shares = coarse.counts / max(1, coarse.count)
    sd = column.sd
    scale = float(np.exp2(np.round(np.log2(sd)))) if np.isfinite(sd) and sd > 0 else 1.0
    return CodedNumber(
        name=column.name,
        centre=_round_to(column.mean, scale / _ROUND),
        scale=scale,
        edges=coarse.edges,
        ranks=np.round((np.cumsum(shares) - shares / 2 - 0.5) * _RANK_STEPS) / _RANK_STEPS,
    )


def _round_to(number: float, step: float) -> float:
    return float(np.round(number / step) * step) if np.isfinite(number) else number


def _is_round(number: CodedNumber) -> bool:
    step = number.scale / _ROUND
    return (
        float(np.frexp(number.scale)[0]) == 0.5
        and number.centre == _round_to(number.centre, step)
        and bool((number.ranks * _RANK_STEPS % 1 == 0).all())
    )


def _without_edges(number: CodedNumber, edges: Floats) -> CodedNumber:
    kept = np.isin(number.edges, edges)
    if kept.all():
        return number
    starts = np.concatenate([[0], np.flatnonzero(kept) + 1])
    ranks = np.add.reduceat(number.ranks, starts) / np.diff(starts, append=number.ranks.size)
    return replace(
        number, edges=number.edges[kept], ranks=np.round(ranks * _RANK_STEPS) / _RANK_STEPS
    )
