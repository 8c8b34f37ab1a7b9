"""Bounds on one proportion and on one quantile that hold at every moment, exact at any size.

Both count how many of n values have a property whose probability is in question. The ratio of a Beta
mixture to one candidate probability is a martingale under it (Robbins, "Statistical methods related to
the law of the iterated logarithm", 1970), so candidates whose ratio ever reaches 1/alpha can go.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaln, xlog1py, xlogy

if TYPE_CHECKING:
    import numpy.typing as npt

_JEFFREYS = (0.5, 0.5)
_TUNED_FOR_ROWS = 100.0
_HALVINGS = 50


def proportion_bounds(hits: float, rows: float, lower: float, upper: float) -> tuple[float, float]:
    """Return bounds on the probability of a hit, of which `hits` came in `rows` trials.

    Args:
        hits: How many; need not be whole.
        rows: Of how many.
        lower: Probability with which the lower bound may ever be above the truth.
        upper: Likewise for the upper bound.
    """
    if not rows:
        return 0.0, 1.0
    middle = hits / rows
    return (
        _edge(hits, rows, math.log(1 / lower), middle, 0.0),
        _edge(hits, rows, math.log(1 / upper), middle, 1.0),
    )


def _edge(hits: float, rows: float, bar: float, inside: float, outside: float) -> float:
    """Halve towards the candidate at which the mixture is just `bar` ahead; errs outwards."""
    mixture = float(betaln(_JEFFREYS[0] + hits, _JEFFREYS[1] + rows - hits) - betaln(*_JEFFREYS))
    if inside == outside:
        return outside
    for _ in range(_HALVINGS):
        candidate = (inside + outside) / 2
        likelihood = hits * math.log(candidate) + (rows - hits) * math.log1p(-candidate)
        if mixture - likelihood >= bar:
            outside = candidate
        else:
            inside = candidate
    return outside


def is_below_quantile(
    counts: npt.NDArray[np.float64], rows: float, quantile: float, alpha: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell which thresholds are surely below a quantile, and which surely not, at every moment.

    Were a threshold the quantile, each value would be at or below it with probability `quantile`. The
    mixture is centred there and tightest at some hundred rows (Howard and Ramdas, "Sequential
    estimation of quantiles", arXiv 1906.09712, section 3, with a Beta for the normal).

    Args:
        counts: Per threshold, how many values are at or below it, `(n,)`.
        rows: How many values there are.
        quantile: Between 0 and 1.
        alpha: Probability with which each answer may ever be wrong.
    """
    a, b = _TUNED_FOR_ROWS * quantile, _TUNED_FOR_ROWS * (1 - quantile)
    rest = np.maximum(rows - counts, 0.0)
    mixture = betaln(a + counts, b + rest) - betaln(a, b)
    ahead = mixture - xlogy(counts, quantile) - xlog1py(rest, -quantile)
    sure = ahead >= math.log(1 / alpha)
    return sure & (counts < rows * quantile), sure & (counts > rows * quantile)
