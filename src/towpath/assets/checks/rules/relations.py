"""Rules that need more than the row: that values are not repeated, and that others know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003  fields of dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import polars as pl

from towpath.assets.checks.contract import Broken, RowRule
from towpath.assets.checks.rules.values import mask
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.assets.checks.contract import Surroundings

_FOUND = "__found"


class Referenced(Protocol):
    """A declared data set, as much as a reference to it needs to know."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Its key."""
        ...


@dataclass(frozen=True, slots=True)
class Unique(RowRule):
    """No two rows share the values of some columns, those that are stored already included.

    Rows in which one of the values is missing are equal to none, as in SQL. Every row that shares its
    values with another one judged breaks the rule; so does a row that shares them with a stored one of
    another key. Costs one read of the columns.

    Attributes:
        columns: A column, or several whose values together are not repeated.
    """

    columns: str | Sequence[str]

    def __post_init__(self) -> None:
        """Take a single column for a list of one."""
        columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)
        object.__setattr__(self, "columns", columns)

    @property
    def says(self) -> str:
        """`email is unique`."""
        return f"{', '.join(self.columns)} {'is' if len(self.columns) == 1 else 'are'} unique"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, *self.columns)
        if not self.columns:
            self.refuse("it names no column")

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows that are not the only ones with their values."""
        names = list(self.columns)
        known = pl.all_horizontal(pl.col(names).is_not_null())
        repeated = mask(rows, pl.struct(names).is_duplicated() & known)
        taken = _taken(rows, known, names, around)
        if not taken.is_empty():
            repeated |= _among(rows, taken)
        return [Broken(columns=tuple(names), words="is not unique", rows=repeated)]


@dataclass(frozen=True, slots=True)
class References(RowRule):
    """The values of some columns are keys of another data set's latest version.

    Rows in which one of the values is missing refer to nothing and keep the rule.

    Attributes:
        columns: A column, or several, in the order of the other's.
        to: The other data set: its declaration, or its name.
        key: The other's columns; by default its key, where a declaration is given, else the same names.
    """

    columns: str | Sequence[str]
    to: Referenced | str
    key: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Keep names only: a declaration may grow rules of its own."""
        columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)
        key = self.key
        if key is None:
            key = columns if isinstance(self.to, str) else self.to.key_columns
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "key", (key,) if isinstance(key, str) else tuple(key))
        object.__setattr__(self, "to", self.to if isinstance(self.to, str) else self.to.name)

    @property
    def says(self) -> str:
        """`origin is a key of airports`."""
        verb = "is a key" if len(self.columns) == 1 else "are keys"
        return f"{', '.join(self.columns)} {verb} of {self.to}"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, *self.columns)
        if not self.columns or len(self.columns) != len(self.key or ()):
            self.refuse(
                f"it compares {len(self.columns)} columns with {len(self.key or ())} of {self.to!r}",
                "Name as many columns here as there: References([…], to=…, key=[…]).",
            )

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows whose values the other data set does not have as keys."""
        names, keys = list(self.columns), list(self.key or ())
        wanted = rows.select(names).drop_nulls().unique()
        theirs = around.column_of(str(self.to), keys).select(
            pl.col(there).alias(here) for here, there in zip(names, keys, strict=True)
        )
        self._compare(wanted.schema, theirs.collect_schema())
        known = theirs.join(wanted.lazy(), on=names, how="semi").collect(engine="streaming")
        unknown = wanted.join(known, on=names, how="anti")
        return [
            Broken(
                columns=tuple(names),
                words=f"is not a key of data set {str(self.to)!r}",
                rows=_among(rows, unknown),
            )
        ]

    def _compare(self, ours: Mapping[str, pl.DataType], theirs: Mapping[str, pl.DataType]) -> None:
        for name, there in zip(ours, self.key or (), strict=True):
            if ours[name] != theirs[name]:
                raise UsageError(
                    f"the rule {self.title!r} compares column {name!r} ({ours[name]}) with "
                    f"column {there!r} of data set {str(self.to)!r} ({theirs[name]})",
                    remedy="Give both the same type.",
                )


def _taken(
    rows: pl.DataFrame, known: pl.Expr, names: list[str], around: Surroundings
) -> pl.DataFrame:
    """Return the values that stored rows have already, but for rows whose place is taken."""
    keys = list(around.key)
    asked = rows.lazy().filter(known).select(names)
    return (
        around.stored(names)
        .join(asked, on=names, how="semi")
        .join(rows.select(keys).lazy(), on=keys, how="anti")
        .select(names)
        .unique()
        .collect(engine="streaming")
    )


def _among(rows: pl.DataFrame, values: pl.DataFrame) -> pl.Series:
    """Tell which rows have one of these combinations of values."""
    names = values.columns
    marked = values.unique().with_columns(pl.lit(value=True).alias(_FOUND))
    found = rows.select(names).join(marked, on=names, how="left", maintain_order="left")
    return mask(found, pl.col(_FOUND))
