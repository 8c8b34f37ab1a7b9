"""Is a count too high? Against a limit, and against what a reference had, wobble included."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import betainc, gammaln

if TYPE_CHECKING:
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"

_TERMS = 4096
_LEAST_TERM = 1e-17


def above_limit(hits: float, rows: float, limit: float) -> float:
    """Return the probability of so many hits or more, if a share of `limit` of all rows were hits.

    The upper tail of the binomial distribution, as the incomplete beta function: neither need be whole.
    """
    if hits <= 0:
        return 1.0
    if limit <= 0:
        return 0.0
    if limit >= 1 or hits > rows:
        return 1.0 if limit >= 1 else 0.0
    return float(betainc(hits, rows - hits + 1, limit))


def above_reference(
    hits: float, rows: float, *, known_hits: float, known_rows: float, dispersion: float
) -> float:
    """Return the probability of so many hits or more, if rows were hit as often as in a reference.

    The predictive distribution of a binomial count after another one, with Jeffreys' prior: the
    beta-binomial. Days differ by more than chance, so all counts are divided by `dispersion` first, the
    usual correction of quasi-likelihood (McCullagh and Nelder 1989, section 4.5). At or below the
    expected count it is 1, so that the answer stays a valid p-value and costs nothing.
    """
    hits, rows = round(hits / dispersion), round(rows / dispersion)
    a = known_hits / dispersion + 0.5
    b = max(known_rows - known_hits, 0.0) / dispersion + 0.5
    if hits <= rows * a / (a + b):
        return 1.0
    total = 0.0
    for start in range(hits, rows + 1, _TERMS):
        k = np.arange(start, min(start + _TERMS, rows + 1), dtype=np.float64)
        logs = (
            gammaln(rows + 1) - gammaln(k + 1) - gammaln(rows - k + 1)
            + gammaln(k + a) + gammaln(rows - k + b) - gammaln(rows + a + b)
            + gammaln(a + b) - gammaln(a) - gammaln(b)
        )  # fmt: skip
        terms = np.exp(logs)
        total += float(terms.sum())
        if terms[-1] <= _LEAST_TERM * total:
            break
    return min(total, 1.0)


def dispersion_of(hits: Floats, rows: Floats) -> float:
    """Return how much more a share varies between blocks than chance alone would make it; 1 at least.

    Pearson's statistic over its degrees of freedom.

    Args:
        hits: Hits of each block.
        rows: Rows of each block.
    """
    some = rows > 0
    hits, rows = hits[some], rows[some]
    share = hits.sum() / rows.sum() if rows.sum() else 0.0
    if len(rows) < 3 or not 0 < share < 1:
        return 1.0
    expected = rows * share * (1 - share)
    return max(1.0, float((np.square(hits - rows * share) / expected).sum() / (len(rows) - 1)))


def effective(weights: Floats) -> float:
    """Return how many rows of equal weight say as much as these (Kish 1965): (Σw)² / Σw²."""
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def normal_tail(z: float) -> float:
    """Return the probability that a standard normal variable is above `z`."""
    return 0.5 * math.erfc(z / math.sqrt(2))


__all__ = ["above_limit", "above_reference", "dispersion_of", "effective", "normal_tail"]
