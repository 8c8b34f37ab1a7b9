"""Entity and time as one whole number, so that one search finds both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole: TypeAlias = NDArray[np.int64]

_MOST = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimeScale:
    """Numbers times so that numbers of entity and time together keep their order and fit 64 bits.

    Times are counted in microseconds from the first one, or, where entities are too many or times too
    far apart for that, by their rank.

    Attributes:
        first: The first time.
        width: How many numbers times take up.
        ranked: The different times, ascending; None where they are counted from the first one.
    """

    first: int
    width: int
    ranked: Whole | None

    @classmethod
    def of(cls, times: Whole, *, entities: int) -> Self:
        """Return a scale for these times of so many entities."""
        if times.size == 0:
            return cls(first=0, width=2, ranked=None)
        first, last = int(times.min()), int(times.max())
        width = last - first + 2
        if (entities + 1) * width < _MOST:
            return cls(first=first, width=width, ranked=None)
        ordered = np.sort(times)
        ranked = ordered[np.append(np.diff(ordered) != 0, True)]  # the last one counts
        return cls(first=first, width=ranked.size + 1, ranked=ranked)

    def keys(self, codes: Whole, moments: Whole) -> Whole:
        """Return one number per entity and moment; moments between times go with the later one."""
        if self.ranked is None:
            # Before the first time nothing is, and after the last one nothing is either.
            near = np.clip(moments, self.first, self.first + self.width - 1)
            places = near - self.first
        else:
            places = np.searchsorted(self.ranked, moments)
        return codes * np.int64(self.width) + places
