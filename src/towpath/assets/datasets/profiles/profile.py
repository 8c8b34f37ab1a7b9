"""The profile of a table: what a commit computes, a page shows, and drift is measured against."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec
import numpy as np

from towpath.assets.datasets.profiles.column import ColumnProfile, Kind
from towpath.assets.datasets.profiles.counting import (
    hide_column,
    profile_column,
    recount_column,
)
from towpath.assets.datasets.profiles.drawn import Drawn, StoredDrawn
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import polars as pl

FORMAT = 1
EDGES_MOST = 1024
_THREADS_MOST = 4
_CELLS_WORTH_A_THREAD = 100_000
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """The profiles of a table's columns, in the table's order.

    Attributes:
        rows: How many rows were counted.
        chosen_from: How many rows the bins were chosen from; when a table has outgrown that number,
            choose anew.
        columns: One profile per column.
        removed: How many rows have been taken away since. Numbers of distinct values can't be: they
            are those of all rows ever counted, until they are counted anew.
        drawn: What goes together and what is repeated, from a bounded draw of the rows; None where
            that was not asked for.
    """

    rows: int
    chosen_from: int
    columns: tuple[ColumnProfile, ...]
    removed: int = 0
    drawn: Drawn | None = None

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        *,
        hidden: Collection[str] = (),
        keys: Collection[str] = (),
        edges: int = 256,
        least_count: int = 1,
        distinct: bool = True,
        told_apart_by: Sequence[str] | None = None,
        drawn_from: int | None = None,
    ) -> Profile:
        """Choose bins for every column of `frame` and count it.

        Args:
            frame: The rows. Numbers, truth values, texts, categories, dates and times.
            hidden: Personal columns: only how many rows have a value, and how many differ, is kept.
            keys: Columns whose values all differ: only how many rows have a value is kept.
            edges: The most edges a column of numbers gets, up to 1,024. The error of a
                Kolmogorov–Smirnov distance taken on n edges is below 1/n.
            least_count: Values that fewer rows share are not listed.
            distinct: Whether to estimate how many different values there are; costs about as much as
                the rest.
            told_apart_by: The columns of the table's key. When given, correlations and repeated rows
                are counted too, over a draw of some 32,768 rows. Hidden columns take no part in
                correlations.
            drawn_from: How many rows the table has, where `frame` is a sample of them.

        Raises:
            UsageError: A column holds lists, structures or bytes, or `edges` is out of bounds.
        """
        if not 1 <= edges <= EDGES_MOST:
            raise UsageError(f"a profile can't have {edges} edges", remedy="Use 1 to 1024.")

        def profiled(values: pl.Series) -> ColumnProfile:
            if values.name in hidden or values.name in keys:
                return hide_column(values, distinct=distinct and values.name not in keys)
            return profile_column(
                values, edges_most=edges, least_count=least_count, distinct=distinct
            )

        columns = _spread(profiled, frame.get_columns(), rows=frame.height)
        drawn = None
        if told_apart_by is not None:
            total = frame.height if drawn_from is None else drawn_from
            drawn = Drawn.choose(frame, columns, told_apart_by, rows=total)
        return cls(rows=frame.height, chosen_from=frame.height, columns=tuple(columns), drawn=drawn)

    def recount(self, frame: pl.DataFrame, *, distinct: bool = False) -> Profile:
        """Count other rows in this profile's bins, so that the two can be merged or compared.

        Distinct values are only counted where this profile counted them, and so are correlations and
        repeated rows. Thirty columns of 100,000 numbers take some 50 ms on two cores. Columns of
        `frame` that this profile lacks are ignored.

        Raises:
            NotFound: A profiled column is missing in `frame`.
            UsageError: A column changed its type from numbers to words.
        """
        for column in self.columns:
            if column.name not in frame.columns:
                raise NotFound.named("column", column.name, frame.columns)

        def recounted(bins: ColumnProfile) -> ColumnProfile:
            return recount_column(bins, frame.get_column(bins.name), distinct=distinct)

        columns = _spread(recounted, self.columns, rows=frame.height)
        return Profile(
            rows=frame.height,
            chosen_from=self.chosen_from,
            columns=tuple(columns),
            drawn=None if self.drawn is None else self.drawn.recount(frame),
        )

    def merge(self, other: Profile) -> Profile:
        """Return the profile of both sets of rows together. Exact, associative and commutative.

        Raises:
            UsageError: The profiles don't have the same columns and bins.
        """
        if [one.name for one in self.columns] != [two.name for two in other.columns]:
            raise UsageError("the profiles are of different columns and can't be merged")
        return Profile(
            rows=self.rows + other.rows,
            chosen_from=self.chosen_from,
            columns=tuple(
                one.merge(two) for one, two in zip(self.columns, other.columns, strict=True)
            ),
            removed=self.removed + other.removed,
            drawn=self.drawn.merge(other.drawn) if self.drawn and other.drawn else None,
        )

    def without(self, other: Profile) -> Profile:
        """Return the profile of these rows but for some of them, given as theirs in these bins.

        Counts are exact, means and spreads but for rounding; distinct values keep counting.

        Raises:
            UsageError: The profiles don't have the same columns and bins, or `other` has rows that
                this one never counted.
        """
        if [one.name for one in self.columns] != [two.name for two in other.columns]:
            raise UsageError("the profiles are of different columns and can't be subtracted")
        return Profile(
            rows=self.rows - other.rows,
            chosen_from=self.chosen_from,
            columns=tuple(
                one.without(two) for one, two in zip(self.columns, other.columns, strict=True)
            ),
            removed=self.removed + other.rows,
            drawn=self.drawn.without(other.drawn) if self.drawn and other.drawn else None,
        )

    def has_bins_of(self, other: Profile) -> bool:
        """Tell whether both count the same columns in the same bins, and draw rows alike."""
        if [one.name for one in self.columns] != [two.name for two in other.columns]:
            return False
        alike = (self.drawn is None) == (other.drawn is None)
        if self.drawn is not None and other.drawn is not None:
            alike = self.drawn.has_bins_of(other.drawn)
        return alike and all(
            one.has_bins_of(two) for one, two in zip(self.columns, other.columns, strict=True)
        )

    def column(self, name: str) -> ColumnProfile:
        """Return one column's profile. Raises `NotFound` naming what there is."""
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound.named("column", name, [column.name for column in self.columns])

    def select(self, names: Sequence[str]) -> Profile:
        """Return the profile of some of the columns, in the order asked for."""
        return Profile(
            rows=self.rows,
            chosen_from=self.chosen_from,
            columns=tuple(self.column(name) for name in names),
        )

    def encode(self, *, of: str = "") -> bytes:
        """Return canonical JSON: equal profiles of one thing give equal bytes.

        Args:
            of: What it is the profile of, written into the document and ignored when read.
        """
        return canonical_json(
            _Document(
                format=FORMAT,
                of=of,
                rows=self.rows,
                chosen_from=self.chosen_from,
                removed=self.removed,
                columns=[_StoredColumn.store(column) for column in self.columns],
                drawn=None if self.drawn is None else self.drawn.store(),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote.

        Raises:
            IntegrityError: The bytes are not a profile, or of a format this version does not know.
        """
        try:
            document = msgspec.json.decode(data, type=_Document)
        except msgspec.DecodeError as error:
            raise IntegrityError(f"these bytes are not a profile: {error}") from error
        if document.format != FORMAT:
            raise IntegrityError(
                f"the profile has format {document.format}, and this Towpath reads {FORMAT}",
                remedy="Use the version of Towpath that wrote it, or a later one.",
            )
        return cls(
            rows=document.rows,
            chosen_from=document.chosen_from,
            columns=tuple(column.load() for column in document.columns),
            removed=document.removed,
            drawn=None if document.drawn is None else document.drawn.load(),
        )


class _StoredColumn(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A column as JSON; what is absent is empty."""

    name: str
    type: str
    kind: Kind
    nulls: int
    counts: list[int]
    edges: list[float] = []
    items: list[str] = []
    mean: float | None = None
    spread: float = 0.0
    registers: str | None = None
    fences: tuple[float, float] | None = None
    beyond: tuple[int, int] = (0, 0)
    sums: list[float] | None = None

    @classmethod
    def store(cls, column: ColumnProfile) -> Self:
        registers = column.registers
        return cls(
            name=column.name,
            type=column.type,
            kind=column.kind,
            nulls=column.nulls,
            counts=column.counts.tolist(),
            edges=column.edges.tolist(),
            items=list(column.items),
            mean=None if np.isnan(column.mean) else column.mean,
            spread=column.spread,
            registers=None if registers is None else b64encode(registers.tobytes()).decode(),
            fences=column.fences,
            beyond=column.beyond,
            sums=None if column.sums is None else column.sums.tolist(),
        )

    def load(self) -> ColumnProfile:
        registers = None if self.registers is None else b64decode(self.registers)
        return ColumnProfile(
            name=self.name,
            type=self.type,
            kind=self.kind,
            nulls=self.nulls,
            edges=np.array(self.edges, dtype=np.float64),
            items=tuple(self.items),
            counts=np.array(self.counts, dtype=np.int64),
            mean=np.nan if self.mean is None else self.mean,
            spread=self.spread,
            registers=None if registers is None else np.frombuffer(registers, dtype=np.uint8),
            fences=self.fences,
            beyond=self.beyond,
            sums=None if self.sums is None else np.array(self.sums, dtype=np.float64),
        )


class _Document(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A profile as JSON; what is absent is empty."""

    format: int
    of: str
    rows: int
    chosen_from: int
    removed: int = 0
    columns: list[_StoredColumn]
    drawn: StoredDrawn | None = None


def _spread(
    count: Callable[[_Item], ColumnProfile], items: Sequence[_Item], *, rows: int
) -> list[ColumnProfile]:
    """Count columns on a few threads where there is enough to count: sorting frees the interpreter."""
    threads = min(_THREADS_MOST, os.cpu_count() or 1, len(items))
    if threads < 2 or rows * len(items) < _CELLS_WORTH_A_THREAD:
        return [count(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="profile") as pool:
        return list(pool.map(count, items))
