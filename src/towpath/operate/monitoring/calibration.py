"""How unusual is a window, measured by how much the reference's own quiet windows wobble?

A fixed test asks whether two samples differ at all, and with enough traffic the answer is always yes:
every day differs a little from every other. So the distance of a live window is ranked among the
distances of the training data's own windows from the rest of the training data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.datasets.profiles import Comparison
    from towpath.assets.models.columns import ColumnReference
    from towpath.operate.monitoring.seasons import Comparable

Counts: TypeAlias = "npt.NDArray[np.int64]"
Floats: TypeAlias = "npt.NDArray[np.float64]"
Statistic = Literal["ks", "psi", "js", "wasserstein", "tv", "chi2"]

_LEAST_WOBBLE = 0.1  # ten per cent: no column's distances are taken to be steadier than that
_LEAST_ROWS = 20  # quiet windows with fewer say more about chance than about days


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """How far a window is from what it is compared with, and how unusual that is.

    Attributes:
        value: The distance on the reference's folded bins.
        p: Probability of that much or more in a quiet window; NaN where it can't be told.
    """

    value: float
    p: float


def surprise_of(
    column: ColumnReference,
    current: Counts,
    past: Comparable,
    *,
    statistic: Statistic,
    rows: float,
    rng: np.random.Generator,
) -> Surprise:
    """Place a window's distance among those of the reference's quiet windows.

    Args:
        column: The reference.
        current: The window's counts, folded: `column.fold`.
        past: What it is compared with.
        statistic: The distance.
        rows: Rows of the window, or what its weighted rows amount to.
        rng: Thins quiet windows that have more rows, so that both carry the same sampling noise.
            Smaller ones stay as they are, which errs towards silence.
    """
    reference = np.rint(past.live @ column.blocks).astype(np.int64)
    widths = _widths(column)
    value = float(distances(statistic, reference, current, widths))
    quiet = quiet_distances(column, past, statistic=statistic, rows=rows, rng=rng)
    if not reference.any():
        return Surprise(value=value, p=math.nan)
    independent = past.independent * len(quiet) / max(1, len(past.windows))
    return Surprise(
        value=value, p=tail_probability(value, quiet, rows=rows, independent=independent)
    )


def quiet_distances(
    column: ColumnReference,
    past: Comparable,
    *,
    statistic: Statistic,
    rows: float,
    rng: np.random.Generator,
) -> Floats:
    """Return how far windows of the reference are from the rest of their phase."""
    windows = np.rint(past.windows @ column.blocks).astype(np.int64)
    rests = np.rint(past.rests @ column.blocks).astype(np.int64)
    sizes = windows.sum(axis=1)
    usable = (sizes >= _LEAST_ROWS) & (rests.sum(axis=1) > 0)
    windows, rests, sizes = windows[usable], rests[usable], sizes[usable]
    keep = np.minimum(1.0, rows / np.maximum(sizes, 1))
    thinned = rng.binomial(windows, np.broadcast_to(keep[:, None], windows.shape))
    return distances(statistic, rests, thinned, _widths(column))


def distances(
    statistic: Statistic, reference: Counts, current: Counts, widths: Floats | None = None
) -> Floats:
    """Return the distance between distributions given as counts on the same bins, row by row.

    The definitions are those of `towpath.assets.datasets.profiles.distances`, for many windows at
    once, on folded bins. Missing values are the last bin and count like any other value, but for
    `wasserstein`, which leaves them out.

    Args:
        statistic: `ks`, the largest difference of the distribution functions at an edge; `tv`, the
            share of rows that would have to change bins; `psi`; `js`, the distance in base 2; `chi2`
            over the window's rows, which does not grow with them; `wasserstein`, in units of `widths`.
        reference: `(n, bins)` or `(bins,)`.
        current: `(n, bins)` or `(bins,)`; a row without counts is at distance 0.
        widths: `(bins - 3,)`: how far apart the folded edges are; for `wasserstein`.
    """
    if statistic == "wasserstein":
        assert widths is not None
        apart = np.cumsum(_shares(current[..., :-1]) - _shares(reference[..., :-1]), axis=-1)
        apart = np.where(current[..., :-1].sum(axis=-1, keepdims=True) > 0, apart, 0.0)
        edges = np.abs(apart[..., :-1])
        return ((edges[..., 1:] + edges[..., :-1]) / 2 * widths).sum(axis=-1)
    some = current.sum(axis=-1) > 0
    if statistic == "psi":
        half = np.float64(0.5)
        p, q = _shares(np.add(reference, half)), _shares(np.add(current, half))
        return np.where(some, ((q - p) * np.log(q / p)).sum(axis=-1), 0.0)
    p, q = _shares(reference), _shares(current)
    apart = np.where(some[..., None], q - p, 0.0)
    if statistic == "ks":
        return np.abs(np.cumsum(apart, axis=-1)).max(axis=-1)
    if statistic == "tv":
        return np.abs(apart).sum(axis=-1) / 2
    middle = np.where((p + q) > 0, (p + q) / 2, 1.0)
    if statistic == "chi2":
        return (np.square(apart) / middle).sum(axis=-1) / 2
    divergence = (_entropy(p, middle) + _entropy(q, middle)) / 2
    return np.where(some, np.sqrt(np.maximum(divergence, 0.0)), 0.0)


def statistic_value(statistic: Statistic, exact: Comparison, folded: float) -> float:
    """Return a statistic of the whole window against all training rows, on the fine bins.

    What people know the statistic by; `folded` answers for those that have no finer form.
    """
    found = {
        "ks": exact.ks,
        "psi": exact.psi,
        "js": exact.js,
        "wasserstein": exact.wasserstein_sd,
        "chi2": exact.chi2,
    }.get(statistic, math.nan)
    return folded if math.isnan(found) else found


def tail_probability(value: float, quiet: Floats, *, rows: float, independent: float) -> float:
    """Return the probability that a quiet window is at `value` or farther away; NaN if unknown.

    The quiet distances' logarithms are taken to be normal with unknown mean and spread, so the next
    one follows Student's t (the predictive distribution; Geisser 1993, section 2.3): ranks alone could
    never say less than one in a few dozen, which no correction for many features survives.

    Args:
        value: The live window's distance.
        quiet: Distances of quiet windows.
        rows: Rows per window; half a row's weight keeps the logarithm of zero finite.
        independent: How many windows without overlap the quiet ones amount to.
    """
    if len(quiet) < 3 or independent < 3:
        return math.nan
    floor = 0.5 / max(rows, 1)
    logs = np.log(quiet + floor)
    spread = max(float(logs.std(ddof=1)), _LEAST_WOBBLE) * math.sqrt(1 + 1 / independent)
    return exceedance((math.log(value + floor) - float(logs.mean())) / spread, independent - 1)


def exceedance(t: float, degrees: float) -> float:
    """Return the probability that Student's t with so many degrees of freedom is above `t`."""
    from scipy.special import stdtr  # noqa: PLC0415 - most commands compute nothing, and start sooner

    return float(stdtr(degrees, -t))


def _widths(column: ColumnReference) -> Floats | None:
    """Return the distances of folded edges in standard deviations; None for categories."""
    if not column.ordered:
        return None
    profile = column.profile
    edges = profile.edges[profile.groups[1:] - 1]
    sd = profile.sd
    return np.diff(edges) / (sd if sd > 0 else 1.0)


def _shares(counts: Counts | Floats) -> Floats:
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)


def _entropy(p: Floats, middle: Floats) -> Floats:
    ratio = np.where(p > 0, p / middle, 1.0)
    return (p * np.log2(ratio)).sum(axis=-1)
