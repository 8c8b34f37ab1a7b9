"""Exact path-dependent contributions of scikit-learn's trees, whose library computes none.

The game is that of TreeSHAP (Lundberg et al., "From Local Explanations to Global Understanding", 2020): a
column that is absent sends the row down both branches, by the shares of the training rows. For one leaf
this is a product over the columns on its path, of `o` (1 if the row agrees with all comparisons of the
column, else 0) where the column is present and `z` (the product of the shares) where it is absent. Shapley
values are the integral of the derivatives of the game's multilinear extension along its diagonal (Owen,
"Multilinear Extensions of Games", 1972), so the column `i` gets from the leaf

    value · (o_i - z_i) · ∫₀¹ ∏_{j≠i} (z_j (1-p) + o_j p) dp

The integrand is a polynomial in p of a degree below the number of columns on the path, which Gauss-Legendre
quadrature integrates without error with half as many points. All leaves are computed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from towpath.assets.models.compiling.trees import Trees

    Floats = npt.NDArray[np.float64]

CELLS_MOST: Final = 1 << 24
"""Leaves times columns on the longest path: some 600 MB. Larger forests are explained by asking them."""

_LEAVES_AT_ONCE: Final = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafPaths:
    """What a row must be like to end in each leaf: arrays `(leaves, columns on the longest path)`.

    Attributes:
        columns: Which columns stand on the path; 0 where there are fewer, with bounds that all rows keep.
        lower: A value must be above it; `upper`: and at most that.
        missing: Whether a missing value goes this way.
        absent: The share of training rows that went this way at the column's comparisons.
        values: `(leaves,)`: what the leaf adds.
    """

    columns: npt.NDArray[np.int64]
    lower: Floats
    upper: Floats
    missing: npt.NDArray[np.bool_]
    absent: Floats
    values: Floats

    @classmethod
    def of(cls, trees: Trees) -> LeafPaths | None:
        """Follow every path; None where there would be more than `CELLS_MOST` cells."""
        found = [leaf for root in trees.roots for leaf in _leaves_below(trees, root)]
        width = max((len(spans) for _, spans in found), default=0) or 1
        return None if len(found) * width > CELLS_MOST else cls._filled(found, width)

    @classmethod
    def _filled(cls, found: list[tuple[float, dict[int, _Span]]], width: int) -> LeafPaths:
        shape = (len(found), width)
        columns = np.zeros(shape, np.int64)
        lower, upper = np.full(shape, -np.inf), np.full(shape, np.inf)
        missing, absent = np.ones(shape, np.bool_), np.ones(shape)
        for leaf, (_, spans) in enumerate(found):
            for at, (column, span) in enumerate(spans.items()):
                columns[leaf, at] = column
                lower[leaf, at], upper[leaf, at] = span.lower, span.upper
                missing[leaf, at], absent[leaf, at] = span.missing, span.absent
        values = np.array([value for value, _ in found])
        return cls(
            columns=columns, lower=lower, upper=upper, missing=missing, absent=absent, values=values
        )

    def share(self, row: Floats) -> tuple[float, Floats, float]:
        """Return the base, each column's contribution, `(columns,)`, and the sum of the row's leaves."""
        base = raw = 0.0
        shares = np.zeros(len(row))
        points, weights = np.polynomial.legendre.leggauss((self.columns.shape[1] + 1) // 2)
        for begin in range(0, len(self.values), _LEAVES_AT_ONCE):
            some = slice(begin, begin + _LEAVES_AT_ONCE)
            columns, absent, values = self.columns[some], self.absent[some], self.values[some]
            given = row[columns]
            # Values are finite, so the open bounds of columns that are not on a path hold for all.
            present = (given > self.lower[some]) & (given <= self.upper[some])
            present = np.where(np.isnan(given), self.missing[some], present).astype(np.float64)
            others = np.zeros_like(absent)
            for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
                others += weight * _product_of_others(absent * (1 - point) + present * point)
            np.add.at(shares, columns, values[:, None] * (present - absent) * others)
            base += float(values @ absent.prod(axis=1))
            raw += float(values @ present.prod(axis=1))
        return base, shares, raw


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    lower: float
    upper: float
    missing: bool
    absent: float


_WHOLE: Final = _Span(lower=-np.inf, upper=np.inf, missing=True, absent=1.0)


def _leaves_below(trees: Trees, root: int) -> Iterator[tuple[float, dict[int, _Span]]]:
    """Yield each leaf of a tree: what it adds, and what every column on its path must be like."""
    pending: list[tuple[int, int, dict[int, _Span]]] = [(root, 0, {})]
    while pending:
        node, is_leaf, spans = pending.pop()
        if is_leaf:
            yield trees.leaves[node], spans
            continue
        left = trees.left[node], trees.left_is_leaf[node]
        right = trees.right[node], trees.right_is_leaf[node]
        if (
            left == right
        ):  # a tree of one leaf is written as a comparison whose both ways lead there
            pending.append((*left, spans))
            continue
        column, cut = trees.columns[node], trees.thresholds[node]
        share, missing_left = trees.shares_left[node], bool(trees.missing_left[node])
        span = spans.get(column, _WHOLE)
        low = _Span(
            lower=span.lower,
            upper=min(span.upper, cut),
            missing=span.missing and missing_left,
            absent=span.absent * share,
        )
        high = _Span(
            lower=max(span.lower, cut),
            upper=span.upper,
            missing=span.missing and not missing_left,
            absent=span.absent * (1 - share),
        )
        pending.append((*left, {**spans, column: low}))
        pending.append((*right, {**spans, column: high}))


def _product_of_others(terms: Floats) -> Floats:
    """Return, for each term of a row, the product of the row's other terms; terms may be zero."""
    before, after = np.ones_like(terms), np.ones_like(terms)
    np.cumprod(terms[:, :-1], axis=1, out=before[:, 1:])
    after[:, :-1] = np.cumprod(terms[:, :0:-1], axis=1)[:, ::-1]
    return before * after
