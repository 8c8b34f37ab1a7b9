"""How unusual is a window, measured by how much the reference's own quiet windows wobble?

A fixed test asks whether two samples differ at all, and with enough traffic the answer is always yes:
every day differs a little from every other. So the distance of a live window is ranked among the
distances of the training data's own days from the rest of the training data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import stdtr

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.reference import ColumnReference

Counts: TypeAlias = "npt.NDArray[np.int64]"
Floats: TypeAlias = "npt.NDArray[np.float64]"
Statistic = Literal["ks", "tv"]

_LEAST_WOBBLE = 0.1  # ten per cent: no column's distances are taken to be steadier than that


def statistic_of(column: ColumnReference) -> Statistic:
    """Return the distance that suits a column: Kolmogorov–Smirnov, or total variation without order."""
    return "ks" if column.kind == "number" else "tv"


def distances(statistic: Statistic, reference: Counts, current: Counts) -> Floats:
    """Return the distance between distributions given as counts on the same bins, row by row.

    The definitions are those of `towpath.assets.datasets.profiles.distances`, for many windows at
    once. Missing values are the last bin and count like any other value.

    Args:
        statistic: `ks`, the largest difference of the distribution functions at an edge, or `tv`, the
            share of rows that would have to change bins.
        reference: `(n, bins)` or `(bins,)`.
        current: `(n, bins)` or `(bins,)`; a row without counts is at distance 0.
    """
    apart = _shares(current) - _shares(reference)
    apart = np.where(current.sum(axis=-1, keepdims=True) > 0, apart, 0.0)
    if statistic == "ks":
        return np.abs(np.cumsum(apart, axis=-1)).max(axis=-1)
    return np.abs(apart).sum(axis=-1) / 2


def quiet_distances(
    column: ColumnReference, *, days: int, rows: int, rng: np.random.Generator
) -> Floats:
    """Return how far windows of the reference are from the rest of it, each left out of that rest.

    Args:
        column: The reference.
        days: Blocks per window. With more than one, windows overlap, a day apart.
        rows: Rows of the live window. Larger reference windows are thinned to it at random, so that
            both carry the same sampling noise; smaller ones stay, which errs towards silence.
        rng: Thins.
    """
    blocks = column.matrix()
    if len(blocks) < 2 * days:
        return np.zeros(0)
    reached = np.concatenate([np.zeros_like(blocks[:1]), np.cumsum(blocks, axis=0)])
    windows = reached[days:] - reached[:-days]
    rest = blocks.sum(axis=0) - windows
    sizes = windows.sum(axis=1, keepdims=True)
    keep = np.minimum(1.0, rows / np.maximum(sizes, 1))
    thinned = rng.binomial(windows, np.broadcast_to(keep, windows.shape))
    return distances(statistic_of(column), rest, thinned)


def tail_probability(value: float, quiet: Floats, *, rows: int, independent: float) -> float:
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
    return float(stdtr(degrees, -t))


def _shares(counts: Counts) -> Floats:
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
