"""A window as plain values, and what its features are made of."""

from __future__ import annotations

import msgspec
import polars as pl

FUNCTIONS = ("count", "sum", "mean", "sd", "min", "max", "first", "last", "distinct")
OF_NUMBERS = ("sum", "mean", "sd", "min", "max")
AS_OF = "as_of"


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """One feature of a window.

    Attributes:
        name: The feature.
        column: The events' column; None for a count of events.
        function: One of `FUNCTIONS`.
    """

    name: str
    column: str | None
    function: str


class WindowSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A window as plain values; see `Window`.

    Attributes:
        entity: The columns that say whom an event happened to.
        time: The events' time column.
        length_us: How far back the window reaches, in microseconds.
        every_us: The steps in which it moves; None for with each row.
        created: The events' column that says when one became known.
        aggregates: The features.
    """

    entity: tuple[str, ...]
    time: str
    length_us: int
    every_us: int | None
    created: str | None
    aggregates: tuple[Aggregate, ...]

    @property
    def columns(self) -> list[str]:
        """The events' columns that are read."""
        of = [one.column for one in self.aggregates if one.column is not None]
        created = [] if self.created is None else [self.created]
        return list(dict.fromkeys([*self.entity, self.time, *created, *of]))


def type_of(aggregate: Aggregate, column: pl.DataType | None) -> pl.DataType | None:
    """Return the type of a feature, or None where its column has no such aggregate."""
    match aggregate.function:
        case "count" | "distinct":
            return pl.Int64()
        case "first" | "last":
            return column
        case _:
            numeric = column is not None and (column.is_numeric() or column == pl.Boolean)
            return pl.Float64() if numeric else None
