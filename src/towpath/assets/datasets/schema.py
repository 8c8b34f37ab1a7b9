"""What the rows of a data set look like: a class whose annotations are the columns."""

from __future__ import annotations

import types
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import polars as pl

from towpath.core.errors import InvalidProject

ColumnType: TypeAlias = Literal["string", "int64", "float64", "bool", "timestamp", "date", "binary"]

_TYPES: dict[Any, ColumnType] = {
    str: "string",
    int: "int64",
    float: "float64",
    bool: "bool",
    datetime: "timestamp",
    date: "date",
    bytes: "binary",
}
POLARS_TYPES: dict[ColumnType, pl.DataType] = {
    "string": pl.String(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "bool": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "binary": pl.Binary(),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both inclusive; None leaves a side open."""

    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, init=False)
class Values:
    """The only texts or whole numbers that a column may hold."""

    allowed: tuple[str | int, ...]

    def __init__(self, *allowed: str | int) -> None:
        object.__setattr__(self, "allowed", allowed)


@dataclass(frozen=True, slots=True)
class Doc:
    """What a column means, for the data-set page and the model card."""

    text: str


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a column that identifies people: no statistics of its values are kept anywhere.

    The subject column is personal without being marked.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a schema."""

    name: str
    type: ColumnType
    nullable: bool = False
    description: str = ""
    range: Range | None = None
    values: Values | None = None
    personal: bool = False

    @property
    def polars_type(self) -> pl.DataType:
        """The type in which Polars holds the column; times are microseconds in UTC."""
        return POLARS_TYPES[self.type]


class Schema:
    """Base of row declarations.

    Annotate one attribute per column with `str`, `int`, `float`, `bool`, `datetime`, `date` or
    `bytes`. Add `| None` where a value may be missing, and wrap in `Annotated` to say more:

        class Flight(Schema):
            flight_id: str
            origin: Annotated[str, Values("EWR", "JFK", "LGA")]
            distance: Annotated[float, Range(0, 20_000), Doc("great-circle miles")]
            wind_speed: float | None
    """

    @classmethod
    def columns(cls) -> tuple[Column, ...]:
        """Return the columns in the order they were written, inherited ones first.

        Raises:
            InvalidProject: An annotation is not one of the types a column can have.
        """
        return _columns(cls)

    @classmethod
    def polars_schema(cls) -> pl.Schema:
        """Return the columns as a Polars schema."""
        return pl.Schema({column.name: column.polars_type for column in cls.columns()})


@cache
def _columns(schema: type[Schema]) -> tuple[Column, ...]:
    try:
        hints = get_type_hints(schema, include_extras=True)
    except (NameError, TypeError) as error:
        raise InvalidProject(
            f"the annotations of schema {schema.__name__!r} can't be read: {error}",
            remedy="Import the types it names at the top of the module.",
        ) from error
    if not hints:
        raise InvalidProject(
            f"schema {schema.__name__!r} has no columns",
            remedy="Annotate one attribute per column, such as `flight_id: str`.",
        )
    return tuple(_column(schema.__name__, name, hint) for name, hint in hints.items())


def _column(schema: str, name: str, hint: Any) -> Column:
    nullable = False
    notes: list[Any] = []
    # `Annotated[float, …] | None` and `Annotated[float | None, …]` mean the same.
    while get_origin(hint) in (Annotated, Union, types.UnionType):
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            notes.extend(more)
            continue
        members = [member for member in get_args(hint) if member is not types.NoneType]
        nullable = nullable or len(members) < len(get_args(hint))
        if len(members) != 1:
            break
        hint = members[0]
    if hint not in _TYPES:
        raise InvalidProject(
            f"column {name!r} of schema {schema!r} has a type that a column can't have: {hint}",
            remedy="Use str, int, float, bool, datetime, date or bytes, with `| None` if it may be "
            "missing.",
        )
    column = Column(name=name, type=_TYPES[hint], nullable=nullable)
    return _annotated(schema, column, notes)


def _annotated(schema: str, column: Column, notes: list[Any]) -> Column:
    found: dict[type, Any] = {}
    for note in notes:
        if not isinstance(note, Range | Values | Doc | Personal):
            raise InvalidProject(
                f"column {column.name!r} of schema {schema!r} is annotated with {note!r}",
                remedy="Use Range, Values, Doc or Personal.",
            )
        found[type(note)] = note
    for rule, types_allowed in ((Range, ("int64", "float64")), (Values, ("string", "int64"))):
        if rule in found and column.type not in types_allowed:
            raise InvalidProject(
                f"column {column.name!r} of schema {schema!r} is a {column.type} with {rule.__name__}",
                remedy=f"{rule.__name__} is for {' and '.join(types_allowed)}.",
            )
    doc = found.get(Doc)
    return Column(
        name=column.name,
        type=column.type,
        nullable=column.nullable,
        description=doc.text if doc else "",
        range=found.get(Range),
        values=found.get(Values),
        personal=Personal in found,
    )
