"""Puts rows into blocks of time, so that a reference knows how much its own days differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    Ints: TypeAlias = "npt.NDArray[np.int64]"

LEAST_ROWS: Final = 20
"""Fewer rows could point at single people."""

QUARTER_HOURS: Final = 6
"""Blocks of the newest days are quarters of a day, in UTC, so that a night is compared with nights."""

_DAY_HOURS = 24
_QUARTERED_DAYS = 60
_MOST_DAYS = 400  # a year and a month: the season before, and its neighbours
_SLICES = 30
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When the blocks of a reference were, oldest first.

    Attributes:
        starts: First hour of each, counted from 1970 in UTC; empty where blocks are equal slices of
            rows without a time.
        hours: How long each is: 6 for the newest sixty days, 24 for those before.
    """

    starts: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()

    @property
    def days(self) -> int:
        """How many days of event time there are; 0 without time."""
        return len({start // _DAY_HOURS for start in self.starts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Which block each row is in.

    Attributes:
        count: How many blocks there are.
        of_row: `(rows,) int64`, the block of each row; -1 for rows of no block.
        calendar: When they were.
    """

    count: int
    of_row: Ints
    calendar: Calendar

    @classmethod
    def of(cls, rows: int, times: pl.Series | None) -> Blocks:
        """Cut rows by event time (`datetime[us, UTC]`), or into slices of the rows where there is none.

        Days with less than half the median day's rows (cut off by a split, or an outage) are left
        out, because their noise would pass for wobble; so are days older than the newest 400.
        """
        if times is None:
            count = max(1, min(_SLICES, rows // LEAST_ROWS))
            sliced = np.arange(rows, dtype=np.int64) * count // max(rows, 1)
            return cls(count=count, of_row=sliced, calendar=Calendar())
        known = times.is_not_null().to_numpy()
        hours = times.to_physical().fill_null(0).cast(int).to_numpy() // _HOUR_US
        days = hours // _DAY_HOURS
        found, sizes = np.unique(days[known], return_counts=True)
        whole = found[sizes * 2 >= np.median(sizes)] if len(found) else found
        kept = whole[-_MOST_DAYS:]
        quartered = days >= (kept[-_QUARTERED_DAYS:].min() if len(kept) else 0)
        lengths = np.where(quartered, QUARTER_HOURS, _DAY_HOURS)
        starts = np.where(known & np.isin(days, kept), hours // lengths * lengths, -1)
        blocks, of_row = np.unique(starts, return_inverse=True)
        if len(blocks) and blocks[0] == -1:
            blocks, of_row = blocks[1:], of_row - 1
        newest = kept[-_QUARTERED_DAYS:].min() * _DAY_HOURS if len(kept) else 0
        return cls(
            count=len(blocks),
            of_row=of_row.astype(np.int64),
            calendar=Calendar(
                starts=tuple(blocks.tolist()),
                hours=tuple(np.where(blocks >= newest, QUARTER_HOURS, _DAY_HOURS).tolist()),
            ),
        )
