"""Takes somebody's rows out of a profile, and out of what its bins were chosen from.

Counts, means and products of sums go down by what is taken away. What is left is what may *be* one of
the rows: an edge was somebody's value once, an item may have been one person's alone, and a register
holds the hash of one value. Reading everybody's rows to choose anew would make an erasure cost as much
as the table. So what nobody else is known to have goes without a successor: an edge goes and its two
bins become one, an item joins the others, and a register becomes like its neighbours. Whether somebody
else has it is asked of the rows that lay beside theirs, which an erasure has read anyhow.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.datasets.profiles.counting import as_numbers
from towpath.assets.datasets.profiles.distinct import sketch_numbers, sketch_texts
from towpath.assets.datasets.profiles.drawing import lots

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from towpath.assets.datasets.profiles.column import ColumnProfile
    from towpath.assets.datasets.profiles.distinct import Registers
    from towpath.assets.datasets.profiles.drawing import Lots
    from towpath.assets.datasets.profiles.drawn import Drawn
    from towpath.assets.datasets.profiles.profile import Profile

    Floats = NDArray[np.float64]


@dataclass(slots=True)
class Witnesses:
    """Some rows, asked again and again what they hold. Sorts and hashes a column once, when first asked.

    Attributes:
        rows: All columns of a table.
    """

    rows: pl.DataFrame
    _ordered: dict[str, Floats | None] = field(default_factory=dict[str, "Floats | None"])
    _sketches: dict[str, Registers] = field(default_factory=dict[str, "Registers"])
    _lots: dict[tuple[str, ...], Lots] = field(default_factory=dict[tuple[str, ...], "Lots"])

    def numbers(self, name: str) -> Floats | None:
        """Return a column's numbers in ascending order, as they are profiled; None if it holds words."""
        if name not in self._ordered:
            numbers = as_numbers(self.rows.get_column(name))
            known = None if numbers is None else np.sort(numbers[~np.isnan(numbers)])
            self._ordered[name] = known
        return self._ordered[name]

    def texts(self, name: str) -> pl.Series:
        """Return a column's different values, as text."""
        return self.rows.get_column(name).cast(pl.String).drop_nulls().unique()

    def sketch(self, name: str) -> Registers:
        """Return a column's registers."""
        if name not in self._sketches:
            numbers = self.numbers(name)
            self._sketches[name] = (
                sketch_texts(self.texts(name)) if numbers is None else sketch_numbers(numbers)
            )
        return self._sketches[name]

    def lots(self, columns: tuple[str, ...]) -> Lots:
        """Return the rows' contents of some columns as hashes."""
        if columns not in self._lots:
            self._lots[columns] = lots(self.rows, columns)
        return self._lots[columns]

    def count(self, name: str, values: Floats) -> NDArray[np.intp]:
        """Return how many rows have each of some numbers."""
        ordered = self.numbers(name)
        assert ordered is not None
        return np.searchsorted(ordered, values, side="right") - np.searchsorted(ordered, values)


def forget(
    profile: Profile,
    gone: pl.DataFrame,
    *,
    theirs: Witnesses,
    beside: Witnesses,
    least_count: int,
    recounted: Callable[[Profile, pl.DataFrame], Profile],
) -> Profile:
    """Return the profile of a version without somebody's rows, in bins that hold nothing of them.

    Costs what their rows cost, and once a look at those beside them; nothing of the rest is read.
    Counts and nulls are exact, means and spreads but for rounding. Numbers of distinct values stay
    within the error of their estimate: of each 2,048 registers those are set to the middle one that the
    erased rows alone may have set.

    Args:
        profile: The version's.
        gone: Those of their rows that live in the version.
        theirs: All their rows, in whatever version: bins may have been chosen from any.
        beside: Others' rows out of the files that theirs were in.
        least_count: How many rows must share a value before it may be listed.
        recounted: Counts rows in a profile's bins: `Profile.recount`, remembered where that pays.
    """
    left = profile if gone.is_empty() else profile.without(recounted(profile, gone))
    columns = tuple(
        _forget_column(one, theirs=theirs, beside=beside, least_count=least_count)
        for one in left.columns
    )
    poorer = [
        after
        for before, after in zip(left.columns, columns, strict=True)
        if after.edges is not before.edges or after.items is not before.items
    ]
    return replace(
        left,
        removed=profile.removed,  # wear is what commits took away
        columns=columns,
        drawn=None if left.drawn is None else _forget_drawn(left.drawn, poorer, theirs),
    )


def _forget_column(
    column: ColumnProfile, *, theirs: Witnesses, beside: Witnesses, least_count: int
) -> ColumnProfile:
    if column.registers is not None:
        column = replace(column, registers=_neutral(column.registers, column.name, theirs, beside))
    if column.kind == "category":
        return _without_items(column, theirs, least_count)
    if column.edges.size:
        return _without_edges(column, ~_theirs_alone(column, theirs, beside, least_count))
    return column


def _neutral(registers: Registers, name: str, theirs: Witnesses, beside: Witnesses) -> Registers:
    """Set the registers that only the erased rows are known to have set to the one in the middle."""
    sketch = theirs.sketch(name)
    # A few rows set a few of them, and only these need a look.
    theirs_set = np.flatnonzero(sketch)
    held = registers[theirs_set]
    suspects = theirs_set[held == sketch[theirs_set]]
    if not suspects.size:
        return registers
    lost = suspects[beside.sketch(name)[suspects] != registers[suspects]]
    left = registers.copy()
    left[lost] = np.median(registers).astype(np.uint8)
    return left


def _theirs_alone(
    column: ColumnProfile, theirs: Witnesses, beside: Witnesses, least_count: int
) -> NDArray[np.bool_]:
    """Tell which edges are one of the erased values, and not known to be enough others' as well."""
    found = theirs.count(column.name, column.edges) > 0
    if found.any():
        found[found] = beside.count(column.name, column.edges[found]) < least_count
    return found


def _without_edges(column: ColumnProfile, kept: NDArray[np.bool_]) -> ColumnProfile:
    if kept.all():
        return column
    starts = np.concatenate([[0], np.flatnonzero(kept) + 1])
    joined = replace(
        column, edges=column.edges[kept], counts=np.add.reduceat(column.counts, starts), sums=None
    )
    if column.sums is None or joined.edges.size < 2:
        return joined
    # The groups of other bins begin elsewhere, by a bin: what that moves is taken from the middles.
    sums = np.add.reduceat(_sums_of_bins(column), starts)
    return replace(joined, sums=np.add.reduceat(sums, joined.groups))


def _sums_of_bins(column: ColumnProfile) -> Floats:
    """Estimate the sum of each bin's numbers: by its middle, and so that each group's sum is right."""
    assert column.sums is not None
    edges, counts, groups = column.edges, column.counts, column.groups
    middles = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])
    found = counts * middles
    members = np.diff(groups, append=counts.size)
    short = column.sums - np.add.reduceat(found, groups)
    rows = np.add.reduceat(counts, groups)
    each = np.divide(short, rows, out=np.zeros_like(short), where=rows > 0)
    return found + counts * np.repeat(each, members)


def _without_items(column: ColumnProfile, theirs: Witnesses, least_count: int) -> ColumnProfile:
    rare = column.counts[:-1] < least_count
    if not rare.any():
        return column
    values = set(theirs.texts(column.name).to_list())
    lost = rare & np.array([item in values for item in column.items])
    if not lost.any():
        return column
    others = column.counts[-1] + column.counts[:-1][lost].sum()
    return replace(
        column,
        items=tuple(item for item, goes in zip(column.items, lost, strict=True) if not goes),
        counts=np.append(column.counts[:-1][~lost], others),
    )


def _forget_drawn(drawn: Drawn, poorer: Sequence[ColumnProfile], theirs: Witnesses) -> Drawn:
    """Leave out what some columns' bins have lost, and what only a content of theirs may have fixed."""
    associations, repeats = drawn.associations, drawn.repeats
    if associations is not None:
        associations = associations.within(poorer)
    if repeats is not None and np.isin(repeats.bound, theirs.lots(repeats.columns)):
        repeats = None
    return replace(drawn, associations=associations, repeats=repeats)
