"""How far two distributions are apart, from their counts in the same bins.

Tools disagree on definitions, so these are ours. `p` and `q` are the reference's and the current
counts divided by their sums; an empty side has no distribution, and every distance to it is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from towpath.assets.datasets.profiles.column import ColumnProfile

    Counts: TypeAlias = NDArray[np.int64]

_PSI_BINS = 10


def kolmogorov_smirnov(reference: Counts, current: Counts) -> float:
    """Return max |F_p - F_q| over bin edges: at most the exact distance, short by less than a bin.

    For numbers only: categories have no order.
    """
    p, q = _shares(reference, current)
    return float(np.abs(np.cumsum(p - q)[:-1]).max(initial=0.0)) if _known(p, q) else math.nan


def population_stability(reference: Counts, current: Counts) -> float:
    """Return Σ (q-p)·ln(q/p), the population stability index.

    Half a row is added to each bin of both sides, so that an empty bin is rare rather than infinite.
    """
    if not reference.sum() or not current.sum():
        return math.nan
    p, q = _shares(reference.astype(np.float64) + 0.5, current.astype(np.float64) + 0.5)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Return the Jensen–Shannon distance: the square root of the divergence in base 2, 0 to 1."""
    p, q = _shares(reference, current)
    if not _known(p, q):
        return math.nan
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return math.sqrt(max(divergence, 0.0))


def total_variation(reference: Counts, current: Counts) -> float:
    """Return ½ Σ |p-q|: the share of rows that would have to change bins."""
    p, q = _shares(reference, current)
    return float(np.abs(p - q).sum() / 2) if _known(p, q) else math.nan


def wasserstein(reference: ColumnProfile, current: ColumnProfile) -> float:
    """Return ∫ |F_p - F_q|, in the column's own unit.

    The distribution functions are known at the edges, and taken as straight in between, which is what
    quantile edges make nearly true. What a group of bins sums up to tells more: integrated by parts,
    ∫ (F_p - F_q) over the group is exact. Where the difference keeps its sign over a group, as it
    mostly does, that is the answer, however values cluster inside bins or lie in the tails; where it
    does not, it is a lower bound, and what bins say is taken if it is more; beyond the outer edges, what
    the sums say beyond the bins. A number that lies farther outside than the edges are apart counts as
    if it stopped there. Without sums, what moves beyond the outer edges is not seen.
    """
    p, q = _shares(reference.counts, current.counts)
    if not _known(p, q):
        return math.nan
    apart = np.cumsum(p - q)[:-1]
    left, right, width = apart[:-1], apart[1:], np.diff(reference.edges)
    crossing = left * right < 0
    sides = np.abs(left) + np.abs(right)
    # Where the difference changes sign inside a bin it leaves two triangles, not a trapezium.
    triangles = (left**2 + right**2) / np.where(sides == 0, 1, sides)
    areas = np.where(crossing, triangles, sides) * width / 2
    if reference.sums is None or current.sums is None or not reference.edges.size:
        return float(areas.sum())
    groups = reference.groups
    edges, ends = reference.edges, groups[1:] - 1  # a group ends at its last bin's upper edge
    at_ends = np.concatenate([[0.0], apart[ends] * edges[ends], [0.0]])
    moved = reference.sums / reference.count - current.sums / current.count
    exact = np.diff(at_ends) - moved
    straight = np.add.reduceat(np.concatenate([[0.0], areas, [0.0]]), groups)
    signed = np.add.reduceat(np.concatenate([[0.0], (left + right) * width / 2, [0.0]]), groups)
    tails = np.abs(exact - signed) * np.isin(groups, [groups[0], groups[-1]])
    signs = np.sign(np.concatenate([apart[:1], apart, apart[-1:]]))
    changes = np.minimum.reduceat(signs[:-1] * signs[1:], groups) < 0
    mixed = np.maximum(np.abs(exact), straight + tails)
    return float(np.where(changes, mixed, np.abs(exact)).sum())


def chi_squared(reference: Counts, current: Counts) -> tuple[float, int]:
    """Return Pearson's statistic for "both sides share one distribution", and its degrees of freedom.

    Two-sample homogeneity over the bins that either side uses. Under the null it is approximately
    chi-squared distributed when expected counts are five or more.
    """
    used = (reference + current) > 0
    table = np.stack([reference[used], current[used]]).astype(np.float64)
    sides = table.sum(axis=1, keepdims=True)
    if not sides.all():
        return math.nan, 0
    expected = sides * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum()), int(used.sum()) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far a column has moved from its reference; NaN where a distance makes no sense.

    Attributes:
        column: The column.
        ks: Kolmogorov–Smirnov, numbers and times only.
        psi: Population stability index over about ten bins of equal reference mass, or the items.
        js: Jensen–Shannon distance, base 2.
        wasserstein_sd: Wasserstein distance over the reference's standard deviation; numbers only.
        chi2: Pearson's statistic over the items; categories only.
        nulls: Share of missing values now minus the share in the reference.
    """

    column: str
    ks: float
    psi: float
    js: float
    wasserstein_sd: float
    chi2: float
    nulls: float


def compare(reference: ColumnProfile, current: ColumnProfile) -> Comparison:
    """Compare two profiles of one column.

    Raises:
        UsageError: They count in different bins.
    """
    if not reference.has_bins_of(current):
        raise UsageError(
            f"the profiles of column {reference.name!r} count in different bins",
            remedy="Use Profile.recount to count the second one's rows in the first one's bins.",
        )
    p, q = reference.counts, current.counts
    ordered = reference.kind in ("number", "time")
    coarse_p, coarse_q = _coarse(reference, current) if ordered else (p, q)
    sd = reference.sd
    return Comparison(
        column=reference.name,
        ks=kolmogorov_smirnov(p, q) if ordered else math.nan,
        psi=population_stability(coarse_p, coarse_q),
        js=jensen_shannon(coarse_p, coarse_q),
        wasserstein_sd=wasserstein(reference, current) / sd if ordered and sd > 0 else math.nan,
        chi2=chi_squared(p, q)[0] if reference.kind == "category" else math.nan,
        nulls=_null_share(current) - _null_share(reference),
    )


def _coarse(reference: ColumnProfile, current: ColumnProfile) -> tuple[Counts, Counts]:
    bins = reference.coarsened(_PSI_BINS)
    ends = np.searchsorted(reference.edges, bins.edges)
    reached = np.cumsum(current.counts)
    return bins.counts, np.diff(reached[ends], prepend=0, append=current.count)


def _shares(
    reference: Counts | NDArray[np.float64], current: Counts | NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, q = reference.astype(np.float64), current.astype(np.float64)
    return p / max(float(p.sum()), 1.0), q / max(float(q.sum()), 1.0)


def _known(p: NDArray[np.float64], q: NDArray[np.float64]) -> bool:
    return bool(p.any() and q.any())


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())


def _null_share(column: ColumnProfile) -> float:
    return column.nulls / column.rows if column.rows else 0.0
