"""Confidence bounds for what a metric would be on more rows like these.

Every metric here is, exactly or to first order, a sum of means over independent rows (for ROC AUC over
positive and over negative rows, after DeLong). So one rule serves them all: the variance and the skew
of those means, and Hall's transformation, which corrects the normal bound for skew. That matters for
rare outcomes, whose losses are anything but symmetric: there the plain normal bound on one side fails
several times as often as it says.

Sources: P. Hall, "On the removal of skewness by transformation", JRSS B 54 (1992) 221-228. The quantile
of Student's t is expanded after Abramowitz and Stegun 26.7.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A metric on some rows, and what its uncertainty is made of.

    Attributes:
        value: The metric.
        parts: Groups of per-row contributions; the metric varies as the sum of the groups' means.
        reach: The most that one row's contribution could be off by: the width of the measure's range
            or, where its range is unbounded or far beyond what happens, the largest one seen.
    """

    value: float
    parts: tuple[Floats, ...]
    reach: float

    def minus(self, other: Estimate) -> Estimate:
        """Return the paired difference on the same rows: what the two have in common cancels out."""
        return Estimate(
            value=self.value - other.value,
            parts=tuple(a - b for a, b in zip(self.parts, other.parts, strict=True)),
            reach=max(self.reach, other.reach),  # both lie between zero and their reach
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two one-sided bounds, each of which holds with `confidence`.

    A demand looks at one of them: so the chance to pass a model that does not meet it is at most
    `1 − confidence`. Several gates need no correction, since a model must pass every one of them
    (an intersection-union test; Berger 1982).
    """

    estimate: float
    lower: float
    upper: float
    confidence: float


def bound(estimate: Estimate, confidence: float) -> Interval:
    """Return the bounds of an estimate; rows are taken to be independent of each other.

    Where all contributions are equal (every row right, or two models that agree everywhere) the
    variance says nothing. Then the bound is what n equal rows do prove: with this confidence, at most
    a share of `1 − (1 − confidence)^(1/n)` of all rows would be otherwise ("the rule of three").

    Args:
        estimate: Needs at least two rows in each part.
        confidence: Of each bound by itself, within (0.5, 1).
    """
    sizes = [part.size for part in estimate.parts]
    variance = sum(float(np.var(part, ddof=1)) / part.size for part in estimate.parts)
    spread = math.sqrt(variance)
    if spread <= 1e-12 * max(estimate.reach, 1e-300):
        slack = estimate.reach * (1 - (1 - confidence) ** (1 / min(sizes)))
        low, high = estimate.value - slack, estimate.value + slack
    else:
        skew = sum(
            float(np.mean((part - part.mean()) ** 3)) / part.size**2 for part in estimate.parts
        )
        quantile = _student(NormalDist().inv_cdf(confidence), min(sizes) - 1)
        skew /= spread**3
        low = estimate.value - spread * _unskew(quantile, skew)
        high = estimate.value - spread * _unskew(-quantile, skew)
    return Interval(estimate=estimate.value, lower=low, upper=high, confidence=confidence)


def _unskew(quantile: float, skew: float) -> float:
    """Return the quantile of a studentised mean with this skew: the inverse of Hall's cubic."""
    if abs(skew) < 1e-8:
        return quantile
    inner = 1 + skew * (quantile - skew / 6)
    return 3 / skew * (math.cbrt(inner) - 1)


def _student(z: float, freedom: int) -> float:
    """Return the quantile of Student's t that belongs to a normal quantile."""
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
