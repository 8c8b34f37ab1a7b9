"""Rules about the values of one column: that they are there, in bounds, in a list, in a pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003  fields of dataclasses
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl
from polars.exceptions import ComputeError

from towpath.assets.checks.contract import Broken, RowRule

if TYPE_CHECKING:
    from towpath.assets.checks.contract import Surroundings

_NAMED_MOST = 8


@dataclass(frozen=True, slots=True)
class Present(RowRule):
    """A column has a value, in at least a share of the rows.

    Attributes:
        column: The column; one that the schema says may be missing, else the schema asks for all.
        at_least: The share of rows, above 0 up to 1; sets `tolerance`.
    """

    column: str
    at_least: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        """Turn the share wanted into the share tolerated."""
        if not 0 < self.at_least <= 1:
            self.refuse(f"at_least is {self.at_least}", "It is a share: 0 < at_least ≤ 1.")
        if self.at_least < 1:
            object.__setattr__(self, "tolerance", round(1 - self.at_least, 12))

    @property
    def says(self) -> str:
        """`wind is present in at least 95% of the rows`."""
        wanted = (
            "" if self.at_least == 1 else f" in at least {spell_share(self.at_least)} of the rows"
        )
        return f"{self.column} is present{wanted}"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, self.column)

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows without a value."""
        del around
        missing = rows.get_column(self.column).is_null()
        return [Broken(columns=(self.column,), words="is missing", rows=missing)]


@dataclass(frozen=True, slots=True)
class Between(RowRule):
    """A column's values lie between bounds, both inclusive; a missing value keeps the rule.

    Attributes:
        column: A column of numbers, dates or times.
        least: The least value allowed; None for no bound.
        most: The most allowed.
    """

    column: str
    least: float | date | datetime | None = None
    most: float | date | datetime | None = None

    @property
    def says(self) -> str:
        """`delay is between -60 and 1,500`."""
        return f"{self.column} is {self._bounds}"

    @property
    def _bounds(self) -> str:
        if self.most is None:
            return f"at least {spell(self.least)}"
        if self.least is None:
            return f"at most {spell(self.most)}"
        return f"between {spell(self.least)} and {spell(self.most)}"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, self.column)
        if self.least is None and self.most is None:
            self.refuse("it has no bound", "Give it least=…, most=… or both.")
        held = columns[self.column]
        for bound in (self.least, self.most):
            if bound is not None and not _comparable(held, bound):
                self.refuse(f"column {self.column!r} holds {held} and is compared to {bound!r}")
        if self.least is not None and self.most is not None and not self.least <= self.most:  # pyright: ignore[reportOperatorIssue]  # both compare with the column, so with each other
            self.refuse("no value can be between its bounds", "Swap them.")

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows outside of the bounds."""
        del around
        value = pl.col(self.column)
        outside = [
            *([] if self.least is None else [value < self.least]),
            *([] if self.most is None else [value > self.most]),
        ]
        return [
            Broken(
                columns=(self.column,),
                words=f"is not {self._bounds}",
                rows=mask(rows, pl.any_horizontal(outside)),
            )
        ]


@dataclass(frozen=True, slots=True)
class OneOf(RowRule):
    """A column's values come from a list; a missing value keeps the rule.

    Attributes:
        column: A column of texts, whole numbers, truth values or dates.
        allowed: The values.
    """

    column: str
    allowed: Sequence[str | int | bool | date] = ()

    def __post_init__(self) -> None:
        """Fix the list."""
        if isinstance(self.allowed, str):
            self.refuse(f"its values are the text {self.allowed!r}", "Write a list of values.")
        object.__setattr__(self, "allowed", tuple(self.allowed))

    @property
    def says(self) -> str:
        """`origin is one of EWR, JFK, LGA`."""
        return f"{self.column} is {self._one_of}"

    @property
    def _one_of(self) -> str:
        named = ", ".join(map(str, self.allowed[:_NAMED_MOST]))
        more = len(self.allowed) - _NAMED_MOST
        return f"one of {named}" + (f" or {more} more" if more > 0 else "")

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, self.column)
        if not self.allowed:
            self.refuse("it allows no value", "List the values.")
        try:
            pl.Series(list(self.allowed), dtype=columns[self.column], strict=True)
        except (TypeError, pl.exceptions.PolarsError):
            self.refuse(f"its values are not what column {self.column!r} holds")

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows with another value."""
        del around
        allowed = pl.Series(list(self.allowed), dtype=rows.schema[self.column])
        known = pl.col(self.column).is_in(allowed.implode())
        return [
            Broken(columns=(self.column,), words=f"is not {self._one_of}", rows=mask(rows, ~known))
        ]


@dataclass(frozen=True, slots=True)
class Matches(RowRule):
    """A column's texts match a pattern from end to end; a missing value keeps the rule.

    Attributes:
        column: A column of texts.
        pattern: A regular expression as Polars (Rust's `regex`) reads it: linear in time whatever the
            text, so no look-around and no back-references.
    """

    column: str
    pattern: str

    @property
    def says(self) -> str:
        """`tailnum matches N[0-9A-Z]+`."""
        return f"{self.column} matches {self.pattern}"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, self.column)
        if columns[self.column] != pl.String:
            self.refuse(f"column {self.column!r} holds {columns[self.column]}, not texts")
        try:
            pl.Series([""]).str.contains(self._whole)
        except ComputeError as error:
            self.refuse(f"its pattern can't be read: {str(error).strip().splitlines()[-1]}")

    @property
    def _whole(self) -> str:
        return rf"\A(?:{self.pattern})\z"

    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return the rows whose text does not match."""
        del around
        fits = pl.col(self.column).str.contains(self._whole)
        return [
            Broken(
                columns=(self.column,),
                words=f"does not match {self.pattern}",
                rows=mask(rows, ~fits),
            )
        ]


def mask(rows: pl.DataFrame, broken: pl.Expr) -> pl.Series:
    """Return an expression's truth per row; what is not known does not break a rule."""
    return rows.select(broken.fill_null(value=False).alias("broken")).get_column("broken")


def spell_share(share: float) -> str:
    """Return a share as people write it: 5%, or 0.05%."""
    return f"{share * 100:.4g}%"


def spell(value: object) -> str:
    """Return a bound as people write it: 1,500, or 2024-05-01."""
    match value:
        case bool() | str():
            return str(value)
        case int() | float():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case _:
            return str(value)


def _comparable(held: pl.DataType, bound: object) -> bool:
    match bound:
        case bool() | str():
            return False
        case int() | float():
            return held.is_numeric()
        case datetime():
            return held == pl.Datetime and bound.tzinfo is not None
        case date():
            return held == pl.Date
        case _:
            return False
