"""How long answers took, in counts that merge exactly, and bounds on the difference of a quantile.

Bounds on each arm's quantile hold at every moment, and so does their difference (Lindon, Sanden and
Shirikian, "Rapid regression detection in software deployments through sequential testing", arXiv
2205.14762).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import msgspec
import numpy as np

from towpath.operate.rollouts.confidence import Interval
from towpath.operate.rollouts.proportions import is_below_quantile

if TYPE_CHECKING:
    import numpy.typing as npt

PER_OCTAVE: Final = 16
"""Buckets from one duration to its double: each is 4.4% wide."""


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of durations, in buckets that are equally wide on a logarithmic scale.

    A bound is the edge of a bucket and errs outwards, so that bucketing costs width and no coverage.

    Attributes:
        buckets: Which buckets hold something, rising; bucket k holds (2^((k−1)/16), 2^(k/16)] µs.
        counts: The sum of weights in each.
        squares: The sum of squared weights over all.
    """

    buckets: tuple[int, ...] = ()
    counts: tuple[float, ...] = ()
    rows: int = 0
    squares: float = 0.0

    @classmethod
    def of(cls, micros: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> Self:
        """Count durations in µs, each standing for `weights` answers, `(n,)`."""
        if not len(micros):
            return cls()
        placed = np.ceil(np.log2(np.maximum(micros, 1.0)) * PER_OCTAVE).astype(np.int64)
        buckets, place = np.unique(placed, return_inverse=True)
        return cls(
            buckets=tuple(buckets.tolist()),
            counts=tuple(np.bincount(place, weights).tolist()),
            rows=len(micros),
            squares=float(weights @ weights),
        )

    def merge(self, other: Latencies) -> Latencies:
        """Return the counts of both together."""
        counts = dict(zip(self.buckets, self.counts, strict=True))
        for bucket, count in zip(other.buckets, other.counts, strict=True):
            counts[bucket] = counts.get(bucket, 0.0) + count
        buckets = tuple(sorted(counts))
        return Latencies(
            buckets=buckets,
            counts=tuple(counts[bucket] for bucket in buckets),
            rows=self.rows + other.rows,
            squares=self.squares + other.squares,
        )

    def quantile_ms(self, quantile: float, alpha: float) -> Interval | None:
        """Bound a quantile, each end wrong with probability `alpha` at most; None without answers.

        Rows of unequal weight count as many as say as much together (Kish 1965).
        """
        if not self.rows:
            return None
        within = np.array(self.counts)
        upto = np.cumsum(within)
        weight = float(upto[-1])
        effective = weight * weight / self.squares
        scale = effective / weight
        below, _ = is_below_quantile((upto - within) * scale, effective, quantile, alpha)
        _, above = is_below_quantile(upto * scale, effective, quantile, alpha)
        buckets = np.array(self.buckets)
        tops = np.exp2(buckets / PER_OCTAVE) / 1000
        bottoms = np.exp2((buckets - 1) / PER_OCTAVE) / 1000
        reached = int(np.searchsorted(upto, quantile * weight))
        return Interval(
            estimate=float(tops[min(reached, len(tops) - 1)]),
            lower=float(bottoms[below][-1]) if below.any() else 0.0,
            upper=float(tops[above][0]) if above.any() else None,
        )


def quantile_difference(
    champion: Latencies, challenger: Latencies, quantile: float, lower: float, upper: float
) -> Interval | None:
    """Bound the challenger's quantile minus the champion's, in ms; None until both have answered.

    The probabilities `lower` and `upper`, with which an end may ever be wrong, are halved between the
    arms; nothing is assumed of how they depend on each other.
    """
    found = [
        (champion.quantile_ms(quantile, alpha / 2), challenger.quantile_ms(quantile, alpha / 2))
        for alpha in (lower, upper)
    ]
    (one, two), (three, four) = found
    if one is None or two is None or three is None or four is None:
        return None
    least = None if one.upper is None else (two.lower or 0.0) - one.upper
    most = None if four.upper is None else four.upper - (three.lower or 0.0)
    return Interval(estimate=two.estimate - one.estimate, lower=least, upper=most)
