"""How strongly two columns go together, read off the sums that a profile keeps.

Numbers: Pearson's r of the values and Spearman's ρ, taken as Pearson's r of binned ranks (32 bins: for
a monotone relation it is 1, and off by less than 0.01 otherwise). A number and a category: the
correlation ratio η of the ranks, the square root of the share of their variance that lies between the
category's values. Categories: Cramér's V, corrected for bias (Bergsma, "A bias-correction for Cramér's
V and Tschuprow's T", 2013). Missing together: Pearson's r of being there (φ).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from towpath.assets.datasets.profiles.associations import Associations

    Floats: TypeAlias = NDArray[np.float64]

Measure: TypeAlias = Literal["rank correlation", "correlation ratio", "cramer's v"]
LEAST_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How strongly two columns go together.

    Attributes:
        one: The first column, in the table's order.
        two: The second.
        measure: What `value` is.
        value: -1 to 1 of two numbers, 0 to 1 otherwise.
        linear: Pearson's r of two numbers; None otherwise.
        rows: How many drawn rows have both values.
    """

    one: str
    two: str
    measure: Measure
    value: float
    linear: float | None
    rows: int


def strengths(sums: Associations) -> list[Strength]:
    """Return every pair of columns that at least twenty drawn rows have both values of."""
    found = [*_of_numbers(sums), *_of_both(sums), *_of_categories(sums)]
    return [one for one in found if one.rows >= LEAST_ROWS and math.isfinite(one.value)]


def missing_together(sums: Associations) -> list[Strength]:
    """Return how strongly the gaps of two columns coincide, for columns that have gaps."""
    m = len(sums.numbers)
    spans = _spans(sums)
    names = [*(one.name for one in sums.numbers), *(one.name for one in sums.categories)]
    picks = np.zeros((len(names), sums.products.shape[0]))
    for place in range(m):
        picks[place, place] = 1
    for place, (begin, end) in enumerate(spans):
        picks[m + place, begin:end] = 1
    both = picks @ sums.products @ picks.T
    there = np.diag(both)
    found: list[Strength] = []
    for i, j in combinations(range(len(names)), 2):
        value = _phi(both[i, j], there[i], there[j], sums.rows)
        if value is not None and sums.rows >= LEAST_ROWS:
            found.append(
                Strength(
                    one=names[i],
                    two=names[j],
                    measure="rank correlation",
                    value=value,
                    linear=None,
                    rows=sums.rows,
                )
            )
    return found


def _of_numbers(sums: Associations) -> Iterator[Strength]:
    m = len(sums.numbers)
    there = sums.products[:m, :m]
    for i, j in combinations(range(m), 2):
        n = there[i, j]
        values = _pearson(sums, i, j, n, block=1)
        ranks = _pearson(sums, i, j, n, block=2)
        yield Strength(
            one=sums.numbers[i].name,
            two=sums.numbers[j].name,
            measure="rank correlation",
            value=ranks,
            linear=values if math.isfinite(values) else None,
            rows=round(n),
        )


def _pearson(sums: Associations, i: int, j: int, n: float, *, block: int) -> float:
    """Return Pearson's r over the rows that have both: of values (block 1) or ranks (block 2)."""
    m = len(sums.numbers)
    x, y = block * m + i, block * m + j
    own = (block - 1) * m
    product, squares = sums.products, sums.squares
    covariance = n * product[x, y] - product[x, j] * product[y, i]
    spread_x = n * squares[own + i, j] - product[x, j] ** 2
    spread_y = n * squares[own + j, i] - product[y, i] ** 2
    return _ratio(covariance, math.sqrt(max(spread_x, 0.0)) * math.sqrt(max(spread_y, 0.0)))


def _of_both(sums: Associations) -> Iterator[Strength]:
    m = len(sums.numbers)
    for (begin, end), category in zip(_spans(sums), sums.categories, strict=True):
        for i, number in enumerate(sums.numbers):
            counts = sums.products[i, begin:end]
            totals = sums.products[2 * m + i, begin:end]
            n, total = counts.sum(), totals.sum()
            square = sums.squares[m + i, m + begin - 3 * m : m + end - 3 * m].sum()
            means = np.divide(totals**2, counts, out=np.zeros_like(totals), where=counts > 0)
            between = means.sum() - total**2 / n if n else 0.0
            around = square - total**2 / n if n else 0.0
            yield Strength(
                one=number.name,
                two=category.name,
                measure="correlation ratio",
                value=math.sqrt(max(0.0, _ratio(between, around))) if around > 0 else math.nan,
                linear=None,
                rows=round(n),
            )


def _of_categories(sums: Associations) -> Iterator[Strength]:
    spans = _spans(sums)
    for i, j in combinations(range(len(spans)), 2):
        table = sums.products[slice(*spans[i]), slice(*spans[j])]
        yield Strength(
            one=sums.categories[i].name,
            two=sums.categories[j].name,
            measure="cramer's v",
            value=_cramer(table),
            linear=None,
            rows=round(table.sum()),
        )


def _cramer(table: Floats) -> float:
    """Return Bergsma's corrected V of a contingency table; NaN where a side does not vary."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    n = table.sum()
    if min(rows, columns) < 2 or n < 2:
        return math.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    chi2 = float((np.square(table - expected) / expected).sum())
    phi2 = max(0.0, chi2 / n - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1))
    return min(1.0, math.sqrt(phi2 / (least - 1))) if least > 1 else math.nan


def _phi(both: float, one: float, two: float, rows: int) -> float | None:
    spread = one * (rows - one) * two * (rows - two)
    return None if spread <= 0 else float((rows * both - one * two) / math.sqrt(spread))


def _ratio(part: float, whole: float) -> float:
    return float(np.clip(part / whole, -1.0, 1.0)) if whole > 0 else math.nan


def _spans(sums: Associations) -> list[tuple[int, int]]:
    """Return where each category's places begin and end among the coordinates."""
    begin = 3 * len(sums.numbers)
    spans: list[tuple[int, int]] = []
    for category in sums.categories:
        spans.append((begin, begin + category.places))
        begin += category.places
    return spans
