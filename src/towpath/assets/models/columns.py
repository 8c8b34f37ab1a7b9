"""The distribution of one column of a reference: all of it finely, and each block of time coarsely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.datasets.profiles import Profile
from towpath.assets.models.blocks import LEAST_ROWS

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.datasets.profiles import ColumnProfile
    from towpath.assets.models.blocks import Blocks, Calendar

    Ints: TypeAlias = "npt.NDArray[np.int64]"

EDGES_MOST = 1024
"""Edges of a column of numbers: Kolmogorov-Smirnov to a thousandth, in 8 kB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnReference:
    """How a column was spread over the training rows.

    Attributes:
        profile: Counts of all rows, on up to 1,024 quantile edges for numbers and the 256 most frequent
            levels for categories, of those that twenty rows share or more.
        blocks: `(blocks, groups + 1) int64`: the same counts for each block, folded into the
            profile's some thirty groups of bins, missing values last. An alarm needs no more.
        calendar: When the blocks were.
    """

    profile: ColumnProfile
    blocks: Ints
    calendar: Calendar

    @property
    def name(self) -> str:
        """The column, or `prediction`."""
        return self.profile.name

    @property
    def ordered(self) -> bool:
        """Whether it holds numbers or times, rather than categories."""
        return self.profile.kind != "category"

    def fold(self, counted: ColumnProfile) -> Ints:
        """Return a profile's counts as one row of `blocks`; its bins are the reference's."""
        return np.append(np.add.reduceat(counted.counts, self.profile.groups), counted.nulls)

    def group_of(self, values: pl.Series) -> Ints:
        """Return the group of each value, `(rows,) int64`; the last for a missing one."""
        return group_of(self.profile, values)


def count_column(values: pl.Series, blocks: Blocks) -> ColumnReference:
    """Choose bins for a column and count all rows, and those of each block."""
    used = blocks.of_row >= 0
    kept = countable(values).filter(pl.Series(used))
    profile = Profile.of(
        kept.to_frame(), edges=EDGES_MOST, least_count=LEAST_ROWS, distinct=False
    ).columns[0]
    width = len(profile.groups) + 1
    cells = blocks.of_row[used] * width + group_of(profile, kept)
    counts = np.bincount(cells, minlength=blocks.count * width)
    return ColumnReference(
        profile=profile, blocks=counts.reshape(-1, width), calendar=blocks.calendar
    )


def group_of(profile: ColumnProfile, values: pl.Series) -> Ints:
    """Return the group of each value on a profile's bins, `(rows,) int64`; the last if missing."""
    groups = profile.groups
    if profile.kind == "category":
        listed = list(profile.items[: len(groups)])
        found = values.cast(pl.String).replace_strict(
            listed, list(range(len(listed))), default=len(groups) - 1, return_dtype=pl.Int64
        )
        found = found.clip(upper_bound=len(groups) - 1)
        return np.where(values.is_null().to_numpy(), len(groups), found.to_numpy())
    numbers = as_floats(values)
    place = np.searchsorted(profile.edges[groups[1:] - 1], numbers, side="left")
    return np.where(np.isnan(numbers), len(groups), place).astype(np.int64)


def countable(values: pl.Series, like: ColumnProfile | None = None) -> pl.Series:
    """Return a column as something that has a profile, or that can be counted on `like`'s bins.

    What can't be read as a number where the reference has numbers is missing.
    """
    if like is not None:
        if like.kind == "category":
            return values.cast(pl.String, strict=False)
        if isinstance(values.dtype, pl.Datetime | pl.Date) or values.dtype.is_numeric():
            return values
        return pl.Series(values.name, as_floats(values))
    if isinstance(values.dtype, pl.Datetime | pl.Date) or values.dtype.is_numeric():
        return values
    if values.dtype.is_temporal() or values.dtype == pl.Null:
        return pl.Series(values.name, as_floats(values))
    return values.cast(pl.String, strict=False)


def as_floats(values: pl.Series) -> npt.NDArray[np.float64]:
    """Return the values as `(rows,) float64`, NaN where missing, times in microseconds."""
    if isinstance(values.dtype, pl.Datetime | pl.Date):
        values = values.cast(pl.Datetime("us")).to_physical()
    elif values.dtype.is_temporal():
        values = values.to_physical()
    return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
