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
"""Effective rows at which upper ends are tightest; they are within 10% of that from 300 to 10,000."""

HARM_FOUND_BY_ROWS = 800.0
"""Effective rows after which the harm that lower ends look for first is usually found."""

_MIN_HOURS = 12  # fewer clusters say too little about how much hours differ


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate and what bounds it; an end that nothing bounds yet is None."""

    estimate: float
    lower: float | None
    upper: float | None


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """Weighted mean and what its error follows from; merging is exact (Chan, Golub and LeVeque 1979).

    Weights are how many decisions a row stands for where the log keeps a sample (Hájek's estimator);
    with weights of one these are count, mean and sum of squared deviations.

    Attributes:
        weight: Sum of the weights; `squares` that of their squares.
        deviations: Sum over rows of (weight · deviation from the mean)².
        lever: Sum over rows of weight² · deviation; zero where all weights are equal.
    """

    rows: int = 0
    mean: float = 0.0
    deviations: float = 0.0
    weight: float = 0.0
    squares: float = 0.0
    lever: float = 0.0

    @classmethod
    def of(
        cls, values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64] | None = None
    ) -> Self:
        """Summarise values, each standing for `weights` rows, `(n,)`; None for one each."""
        if not len(values):
            return cls()
        w = np.ones(len(values)) if weights is None else weights
        total = float(w.sum())
        mean = float(w @ values) / total
        pulls = w * (values - mean)
        return cls(
            rows=len(values),
            mean=mean,
            deviations=float(pulls @ pulls),
            weight=total,
            squares=float(w @ w),
            lever=float(w @ pulls),
        )

    def merge(self, other: Moments) -> Moments:
        """Return the summary of both sets of values together."""
        weight = self.weight + other.weight
        if not weight:
            return self
        mean = self.mean + (other.mean - self.mean) * other.weight / weight
        one, two = self._about(mean), other._about(mean)
        return Moments(
            rows=self.rows + other.rows,
            mean=mean,
            deviations=one[0] + two[0],
            weight=weight,
            squares=self.squares + other.squares,
            lever=one[1] + two[1],
        )

    def _about(self, mean: float) -> tuple[float, float]:
        """Return `deviations` and `lever` about another mean."""
        step = mean - self.mean
        return (
            self.deviations - 2 * step * self.lever + step * step * self.squares,
            self.lever - step * self.squares,
        )

    @property
    def noise(self) -> float:
        """The variance of the mean; NaN for fewer than two values."""
        if self.rows < 2:
            return math.nan
        return max(self.deviations, 0.0) / self.weight**2 * self.rows / (self.rows - 1)

    @property
    def effective(self) -> float:
        """How many equally weighted rows say as much (Kish 1965)."""
        return self.weight**2 / self.squares if self.squares else 0.0

    @property
    def is_even(self) -> bool:
        """Whether all rows stand for equally many (Cauchy and Schwarz: n·Σw² = (Σw)² only then)."""
        return self.effective > self.rows * (1 - 1e-9)


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """Differences of two models' losses on the same rows, summed up by hour of event time.

    Rows of one hour share weather, outages and fashions, so their differences are not independent.
    The hourly sums give a variance that allows for it (cluster-robust, as in Liang and Zeger 1986).

    Attributes:
        weight: Sum of the weights, and `weight_squares` of their squares; one each without sampling.
        total: Sum of weight · difference.
        pull: Sum of weight² · difference; `squares` that of (weight · difference)².
        hours: How many hourly sums went in.
        hour_squares: Sum over hours of the squared sum of weights.
        cross: Sum over hours of summed weights times summed difference.
        totals_squared: Sum over hours of the squared sum of weight · difference.
    """

    rows: int = 0
    weight: float = 0.0
    weight_squares: float = 0.0
    total: float = 0.0
    pull: float = 0.0
    squares: float = 0.0
    hours: int = 0
    hour_squares: float = 0.0
    cross: float = 0.0
    totals_squared: float = 0.0

    @classmethod
    def of(
        cls,
        differences: npt.NDArray[np.float64],
        hours: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64] | None = None,
    ) -> Self:
        """Summarise differences, `(n,)`, by the hour each belongs to and the rows it stands for."""
        w = np.ones(len(differences)) if weights is None else weights
        _, place = np.unique(hours, return_inverse=True)
        rows = np.bincount(place, w)
        pulls = w * differences
        totals = np.bincount(place, pulls)
        return cls(
            rows=len(differences),
            weight=float(w.sum()),
            weight_squares=float(w @ w),
            total=float(pulls.sum()),
            pull=float(w @ pulls),
            squares=float(pulls @ pulls),
            hours=len(rows),
            hour_squares=float(rows @ rows),
            cross=float(rows @ totals),
            totals_squared=float(totals @ totals),
        )

    def merge(self, other: Pairs) -> Pairs:
        """Return the summary of both; an hour that is split over the two counts as two."""
        return Pairs(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        )

    def interval(self, lower: float, upper: float) -> Interval | None:
        """Bound the mean difference at every moment; None while too few.

        Args:
            lower: Probability with which the lower end may ever be above the truth.
            upper: Likewise for the upper end.
        """
        if self.rows < 2 or self.hours < _MIN_HOURS:
            return None
        mean = self.total / self.weight
        spread = self.squares - 2 * mean * self.pull + mean * mean * self.weight_squares
        naive = max(spread, 0.0) / self.weight**2 * self.rows / (self.rows - 1)
        clustered = self.totals_squared - 2 * mean * self.cross + mean * mean * self.hour_squares
        robust = clustered / self.weight**2 * self.hours / (self.hours - 1)
        error = math.sqrt(max(naive, robust))
        rows = self.weight**2 / self.weight_squares
        effective = rows * min(1.0, naive / robust) if robust > 0 else rows
        return _around(mean, error, effective, lower, upper)


def difference(
    champion: Sequence[Moments], challenger: Sequence[Moments], lower: float, upper: float
) -> Interval | None:
    """Bound the mean of challenger minus champion, stratified, at every moment; None while too few.

    Each stage of a rollout is a stratum: shares change from stage to stage while the world moves on,
    and pooling the arms over stages would compare different days (Simpson's paradox). Strata are
    weighted by n₀n₁/(n₀+n₁), the most precise weights when variances are equal; n is the effective
    number of rows where they were sampled.

    Args:
        champion: Values of the champion's answers, per stage.
        challenger: Values of the challenger's answers, per stage.
        lower: Probability with which the lower end may ever be above the truth.
        upper: Likewise for the upper end.
    """
    strata = [
        (one, other)
        for one, other in zip(champion, challenger, strict=True)
        if one.rows > 1 and other.rows > 1
    ]
    if not strata:
        return None
    weights = [a.effective * b.effective / (a.effective + b.effective) for a, b in strata]
    rows = sum(weights)
    estimate = error = 0.0
    for weight, (a, b) in zip(weights, strata, strict=True):
        estimate += weight / rows * (b.mean - a.mean)
        error += (weight / rows) ** 2 * (a.noise + b.noise)
    return _around(estimate, math.sqrt(error), rows, lower, upper)


def width(rows: float, alpha: float) -> float:
    """Return how far an upper end is from the estimate after `rows`, in standard errors.

    Robbins' mixture over one half of the normal (the paper's appendix B): with v = rows · ρ²,
    √(2(v+1)/v · ln(1 + √(v+1)/(2α))). It is near its tightest from hundreds of rows to ten thousands,
    where a margin is usually cleared.
    """
    log = -2 * math.log(2 * alpha)
    v = rows * (log + math.log(log + 1)) / TUNED_FOR_ROWS
    return math.sqrt(2 * (v + 1) / v * math.log1p(math.sqrt(v + 1) / (2 * alpha)))


def depth(rows: float, alpha: float) -> float:
    """Return how far a lower end is from the estimate after `rows`, in standard errors.

    The lower end is there to find harm, and gross harm within hundreds of rows. So its mixture is a
    normal one about the harm μ that `HARM_FOUND_BY_ROWS` show, with the deviation μ/2, instead of one
    about none: harm within a factor of two of that is found after a tenth to a sixth fewer rows in the
    median, and much smaller harm somewhat later. With k = 4/μ²,
    ∫ exp(θS − θ²n/2) dN(θ; μ, μ²/4) = 1/α has the root S = √((n+k)(2 ln(1/α) + ln(1+n/k) + 4)) − kμ,
    and the rest is as in the paper: any such mixture is a martingale under no harm.
    """
    log = -2 * math.log(alpha)
    mu = math.sqrt(log / HARM_FOUND_BY_ROWS)
    k = 4 / mu**2
    root = math.sqrt((rows + k) * (log + math.log1p(rows / k) + 4))
    return (root - k * mu) / math.sqrt(rows)


def _around(estimate: float, error: float, rows: float, lower: float, upper: float) -> Interval:
    return Interval(
        estimate=estimate,
        lower=estimate - error * depth(rows, lower),
        upper=estimate + error * width(rows, upper),
    )
