"""Confidence sequences: intervals that hold at every moment at once, so that looking is free.

A fixed-sample interval that is looked at again and again is wrong far more often than it says. The
sequences here are asymptotic ones (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences", arXiv 2103.06476): like the central limit
theorem they need no bound on the losses, and their coverage holds over all times after a burn-in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

TUNED_FOR_ROWS = 1000.0
"""Effective rows at which the sequence is tightest; it is within 10% of that from 300 to 10,000."""

_MIN_HOURS = 12  # fewer clusters say too little about how much hours differ


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate and what bounds it."""

    estimate: float
    lower: float
    upper: float


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """Count, mean and sum of squared deviations; merging is exact (Chan, Golub and LeVeque 1979)."""

    rows: int = 0
    mean: float = 0.0
    deviations: float = 0.0

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> Self:
        """Summarise values."""
        if not len(values):
            return cls()
        mean = float(values.mean())
        return cls(rows=len(values), mean=mean, deviations=float(np.square(values - mean).sum()))

    def merge(self, other: Moments) -> Moments:
        """Return the summary of both sets of values together."""
        rows = self.rows + other.rows
        if not rows:
            return self
        step = other.mean - self.mean
        return Moments(
            rows=rows,
            mean=self.mean + step * other.rows / rows,
            deviations=self.deviations
            + other.deviations
            + step * step * self.rows * other.rows / rows,
        )

    @property
    def variance(self) -> float:
        """The unbiased sample variance; NaN for fewer than two values."""
        return self.deviations / (self.rows - 1) if self.rows > 1 else math.nan


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """Differences of two models' losses on the same rows, summed up by hour of event time.

    Rows of one hour share weather, outages and fashions, so their differences are not independent.
    The hourly sums give a variance that allows for it (cluster-robust, as in Liang and Zeger 1986).

    Attributes:
        hours: How many hourly sums went in.
        cross: Sum over hours of rows times summed difference.
    """

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0
    hours: int = 0
    rows_squared: float = 0.0
    cross: float = 0.0
    totals_squared: float = 0.0

    @classmethod
    def of(cls, differences: npt.NDArray[np.float64], hours: npt.NDArray[np.int64]) -> Self:
        """Summarise differences, `(n,)`, by the hour each belongs to, `(n,)`."""
        _, place = np.unique(hours, return_inverse=True)
        rows = np.bincount(place)
        totals = np.bincount(place, differences)
        return cls(
            rows=len(differences),
            total=float(differences.sum()),
            squares=float(np.square(differences).sum()),
            hours=len(rows),
            rows_squared=float(np.square(rows).sum()),
            cross=float((rows * totals).sum()),
            totals_squared=float(np.square(totals).sum()),
        )

    def merge(self, other: Pairs) -> Pairs:
        """Return the summary of both; an hour that is split over the two counts as two."""
        return Pairs(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        )

    def interval(self, alpha: float) -> Interval | None:
        """Bound the mean difference at every moment with probability 1 − alpha; None while too few."""
        if self.rows < 2 or self.hours < _MIN_HOURS:
            return None
        mean = self.total / self.rows
        spread = (self.squares - self.rows * mean * mean) / (self.rows - 1)
        naive = max(spread, 0.0) / self.rows
        clustered = self.totals_squared - 2 * mean * self.cross + mean * mean * self.rows_squared
        robust = clustered / self.rows**2 * self.hours / (self.hours - 1)
        error = math.sqrt(max(naive, robust))
        effective = self.rows * min(1.0, naive / robust) if robust > 0 else self.rows
        return _around(mean, error, effective, alpha)


def difference(
    champion: Sequence[Moments], challenger: Sequence[Moments], alpha: float
) -> Interval | None:
    """Bound the mean of challenger minus champion, stratified, at every moment; None while too few.

    Each stage of a rollout is a stratum: shares change from stage to stage while the world moves on,
    and pooling the arms over stages would compare different days (Simpson's paradox). Strata are
    weighted by n₀n₁/(n₀+n₁), the most precise weights when variances are equal.

    Args:
        champion: Losses of the champion's answers, per stage.
        challenger: Losses of the challenger's answers, per stage.
        alpha: Probability with which the sequence may ever miss.
    """
    strata = [
        (one, other)
        for one, other in zip(champion, challenger, strict=True)
        if one.rows > 1 and other.rows > 1
    ]
    if not strata:
        return None
    weights = np.array([a.rows * b.rows / (a.rows + b.rows) for a, b in strata])
    shares = weights / weights.sum()
    estimate = float(shares @ np.array([b.mean - a.mean for a, b in strata]))
    noise = np.array([a.variance / a.rows + b.variance / b.rows for a, b in strata])
    return _around(
        estimate, math.sqrt(float(np.square(shares) @ noise)), float(weights.sum()), alpha
    )


def width(rows: float, alpha: float) -> float:
    """Return the half-width of the sequence after `rows`, in standard errors.

    Robbins' normal mixture, theorem 2.2 of the paper: √(2(v+1)/v · ln(√(v+1)/α)) with v = rows · ρ²,
    and ρ chosen by its appendix B.2 so that it is tightest at `TUNED_FOR_ROWS`.
    """
    log = -2 * math.log(alpha)
    rho_squared = (log + math.log(log + 1)) / TUNED_FOR_ROWS
    v = rows * rho_squared
    return math.sqrt(2 * (v + 1) / v * math.log(math.sqrt(v + 1) / alpha))


def _around(estimate: float, error: float, rows: float, alpha: float) -> Interval:
    radius = error * width(rows, alpha)
    return Interval(estimate=estimate, lower=estimate - radius, upper=estimate + radius)
