"""The profile of one column: how its values are spread over fixed bins."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from towpath.assets.datasets.profiles.distinct import estimate
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind: TypeAlias = Literal["number", "time", "category", "hidden"]

GROUPS_MOST = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnProfile:
    """How one column's values are spread, in bins that were fixed once and count ever after.

    Profiles of equal bins add up exactly, whatever rows they came from; that is what lets versions,
    windows and days be merged and compared without their rows.

    Numbers and times (in microseconds since 1970 UTC) have `edges` e[0] < … < e[k-1] and k+1 bins:
    bin i holds e[i-1] < value ≤ e[i], the last one everything above e[k-1]. Categories have `items`
    and one bin each, then a last one for every other value. Hidden columns (personal, or a key) have
    one bin. NaN counts as null.

    Attributes:
        name: The column.
        type: Its Polars type as text.
        kind: Which of the above it is.
        nulls: Rows without a value.
        edges: `(k,) float64`, ascending; empty for categories and hidden columns.
        items: The frequent values, most frequent first when they were chosen.
        counts: `(k+1,) int64`, rows per bin.
        mean: Mean of the numbers within ±1e150; NaN where there is none.
        spread: Sum of their squared deviations from it.
        registers: HyperLogLog registers of the values; None where not asked for.
        fences: Values beyond these are outliers (see `outlier_fences`); fixed with the bins, None
            for other kinds and for columns that hardly vary.
        beyond: How many values lie below the lower and above the upper fence.
        sums: Sums of the numbers in each of `groups`; None for other kinds and in older profiles.
            Beyond the outer edges a number counts as far as the edges are apart at most. They make
            distances in the column's unit right where values cluster inside bins, and in the tails;
            a sum of a thirty-second of the rows is nobody's value.
    """

    name: str
    type: str
    kind: Kind
    nulls: int
    edges: NDArray[np.float64]
    items: tuple[str, ...]
    counts: NDArray[np.int64]
    mean: float = math.nan
    spread: float = 0.0
    registers: NDArray[np.uint8] | None = None
    fences: tuple[float, float] | None = None
    beyond: tuple[int, int] = (0, 0)
    sums: NDArray[np.float64] | None = None

    @property
    def groups(self) -> NDArray[np.intp]:
        """First bin of each of some thirty runs of neighbouring bins of near equal mass.

        For numbers and times all bins, in order. For categories the most frequent values are groups of
        their own, and all others are one.
        """
        bins = max(1, self.counts.size)
        if self.kind == "category":
            return np.arange(min(bins, GROUPS_MOST), dtype=np.intp)
        return np.unique(np.arange(GROUPS_MOST, dtype=np.intp) * bins // GROUPS_MOST)

    @property
    def count(self) -> int:
        """How many rows have a value."""
        return int(self.counts.sum())

    @property
    def rows(self) -> int:
        """How many rows there are, with or without a value."""
        return self.count + self.nulls

    @property
    def distinct(self) -> int | None:
        """How many different values there are: exact for closed categories, else estimated."""
        if self.kind == "category" and self.counts[-1] == 0:
            return int(np.count_nonzero(self.counts))
        return None if self.registers is None else min(estimate(self.registers), self.count)

    @property
    def sd(self) -> float:
        """Standard deviation of the numbers (n-1 in the denominator); NaN below two."""
        return math.sqrt(self.spread / (self.count - 1)) if self.count > 1 else math.nan

    @property
    def outliers(self) -> int | None:
        """How many values lie beyond the fences; None where there are none to lie beyond."""
        return None if self.fences is None else sum(self.beyond)

    def quantile(self, q: float) -> float | None:
        """Return the edge at which at least a share `q` of the values lie; None without edges.

        The answer is off by at most one bin. Above the last edge it is the last edge, since what lies
        beyond is not recorded.
        """
        if not self.edges.size or self.count == 0:
            return None
        wanted = q * self.count
        place = int(np.searchsorted(np.cumsum(self.counts), wanted))
        return float(self.edges[min(place, self.edges.size - 1)])

    def coarsened(self, bins: int) -> ColumnProfile:
        """Return the same counts in at most `bins` bins of near equal mass, for drawing and for PSI.

        Only columns with edges change; the new edges are some of the old.
        """
        if self.edges.size < bins or self.count == 0:
            return self
        reached = np.cumsum(self.counts[:-1])
        wanted = self.count * np.arange(1, bins) / bins
        chosen = np.unique(np.searchsorted(reached, wanted).clip(max=self.edges.size - 1))
        totals = np.diff(reached[chosen], prepend=0, append=self.count)
        return replace(self, edges=self.edges[chosen], counts=totals.astype(np.int64), sums=None)

    def has_bins_of(self, other: ColumnProfile) -> bool:
        """Tell whether both count in the same bins, so that they may be merged or compared."""
        return (
            self.kind == other.kind
            and self.items == other.items
            and np.array_equal(self.edges, other.edges)
        )

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """Return the profile of both sets of rows together.

        Raises:
            UsageError: They count in different bins; recount one on the other's.
        """
        self._needs_bins_of(other)
        mean, spread = _pool(self, other)
        mine, theirs = self.registers, other.registers
        return replace(
            self,
            nulls=self.nulls + other.nulls,
            counts=self.counts + other.counts,
            mean=mean,
            spread=spread,
            registers=None if mine is None or theirs is None else np.maximum(mine, theirs),
            beyond=(self.beyond[0] + other.beyond[0], self.beyond[1] + other.beyond[1]),
            sums=None if self.sums is None or other.sums is None else self.sums + other.sums,
        )

    def without(self, other: ColumnProfile) -> ColumnProfile:
        """Return the profile of these rows but for `other`'s, which are among them.

        Registers can't forget: they stay those of all rows ever counted.

        Raises:
            UsageError: They count in different bins, or `other` has rows that are not among these.
        """
        self._needs_bins_of(other)
        counts, nulls = self.counts - other.counts, self.nulls - other.nulls
        if nulls < 0 or (counts < 0).any():
            raise UsageError(
                f"rows can't be taken out of the profile of column {self.name!r} that are not in it",
                remedy="Profile the rows that are left.",
            )
        mean, spread = _unpool(self, other)
        return replace(
            self,
            nulls=nulls,
            counts=counts,
            mean=mean,
            spread=spread,
            beyond=(self.beyond[0] - other.beyond[0], self.beyond[1] - other.beyond[1]),
            sums=None if self.sums is None or other.sums is None else self.sums - other.sums,
        )

    def _needs_bins_of(self, other: ColumnProfile) -> None:
        if not self.has_bins_of(other):
            raise UsageError(
                f"the profiles of column {self.name!r} count in different bins",
                remedy="Use Profile.recount to count the second one's rows in the first one's bins.",
            )


def _unpool(both: ColumnProfile, two: ColumnProfile) -> tuple[float, float]:
    """Take `two` out of what `_pool` made of it and another: the other's mean and deviations."""
    rows, less = both.count, two.count
    left = rows - less
    if math.isnan(two.mean) or math.isnan(both.mean) or left == 0:
        return (both.mean, both.spread) if left else (math.nan, 0.0)
    share = less / left
    mean = both.mean + (both.mean - two.mean) * share
    apart = two.mean - mean
    spread = both.spread - two.spread - apart**2 * left * less / rows
    # Rounding may leave a little less than nothing.
    return mean, max(spread, 0.0)


def _pool(one: ColumnProfile, two: ColumnProfile) -> tuple[float, float]:
    """Pool means and squared deviations (Chan, Golub and LeVeque, 1979)."""
    if math.isnan(one.mean) or math.isnan(two.mean):
        known = two if math.isnan(one.mean) else one
        return known.mean, known.spread
    share = two.count / (one.count + two.count)
    apart = two.mean - one.mean
    return one.mean + apart * share, one.spread + two.spread + apart**2 * one.count * share
