"""Brings a source's rows into the types that a schema declares, where nothing is lost or guessed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from towpath.core.errors import NotFound, SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.datasets import Column
    from towpath.assets.sources.contract import Batch

_BOOLEANS = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}
_WORDS = {
    "string": "text",
    "int64": "a whole number",
    "float64": "a number",
    "bool": "true or false",
    "timestamp": "a time (ISO 8601)",
    "date": "a date (ISO 8601)",
    "binary": "bytes in base64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """The declared columns, and what a source calls them.

    Attributes:
        columns: What is declared.
        names: What a column is called in the source, where that differs; dots lead into records.
        exact: Leave missing and undeclared columns as they are, for the data set to refuse.
    """

    columns: tuple[Column, ...]
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    exact: bool = False

    def asked(self) -> tuple[Column, ...]:
        """Return the columns as the source calls them."""
        return tuple(replace(one, name=self.names.get(one.name, one.name)) for one in self.columns)

    def fit(self, batch: Batch) -> pl.DataFrame:
        """Return a batch's rows with the declared columns, in declared order; others are left out.

        Text is parsed where something else is declared; decimals, and whole numbers that stand for
        truth values, are converted; a column that may be missing and is not there is all nulls. A type
        that has nothing to do with the declared one is left for the data set to refuse.

        Raises:
            SchemaViolation: A column is not there, or holds text that is none of its type. Names the
                column, how many rows, and the first of them by number; never a value.
        """
        rows = batch.rows
        there = set(rows.columns)
        declared = [one for one in self.columns if not self.exact or one.name in there]
        fitted = [
            _converted(
                one, _found(rows, one, self.names.get(one.name, one.name), batch.origin), batch
            )
            for one in declared
        ]
        known = {one.name for one in self.columns}
        others = [one for one in rows.get_columns() if self.exact and one.name not in known]
        return pl.DataFrame([*fitted, *others])


def _found(rows: pl.DataFrame, column: Column, name: str, origin: str) -> pl.Series:
    """Return a column by its name in the source; a dotted one out of nested records."""
    if name in rows.columns:
        return rows.get_column(name)
    outer, *inner = name.split(".")
    if inner and outer in rows.columns:
        values = rows.get_column(outer)
        for step in inner:
            fields = values.dtype.fields if isinstance(values.dtype, pl.Struct) else []
            if step not in [one.name for one in fields]:
                break
            values = values.struct.field(step)
        else:
            return values
    if column.nullable:
        return pl.Series(column.name, [None] * rows.height, dtype=column.polars_type)
    near = NotFound.named("column", name, rows.columns).remedy
    raise SchemaViolation(
        f"{origin or 'the source'} has no column {name!r}",
        remedy=f"{near} Name the column as it is called there, or declare it `| None`.",
        column=column.name,
    )


def _converted(column: Column, values: pl.Series, batch: Batch) -> pl.Series:
    values = values.alias(column.name)
    if values.dtype.is_float():
        values = values.fill_nan(None)  # a number that is none is a missing one
    parsed = _parsed(column, values)
    bad = (parsed.is_null() & values.is_not_null()).arg_true()
    if bad.is_empty():
        return parsed
    first = int(bad[0])
    line = "" if batch.first_line is None else f" (line {batch.first_line + first})"
    raise SchemaViolation(
        f"column {column.name!r} of {batch.origin or 'the source'} is not {_WORDS[column.type]} in "
        f"{len(bad)} of {len(values)} rows, first in row {batch.first_row + first}{line}",
        remedy="Nothing was stored. Mend the source, or the type in the schema.",
        column=column.name,
        count=len(bad),
        rows=[batch.first_row + one for one in bad.head(3).to_list()],
    )


def _parsed(column: Column, values: pl.Series) -> pl.Series:
    """Return the values in the declared type; null where text is none of the type."""
    given, wanted = values.dtype, column.type
    if given == column.polars_type:
        return values
    if given == pl.String:
        return parse_text(column, values)
    if wanted == "int64" and (given.is_float() or isinstance(given, pl.Decimal)):
        return _whole(values)
    if wanted == "bool" and given.is_integer():
        return values.replace_strict({0: False, 1: True}, default=None, return_dtype=pl.Boolean)
    return _widened(column, values)


def _widened(column: Column, values: pl.Series) -> pl.Series:
    """Return the values in the declared type, if that holds all of theirs; else as they are."""
    given = values.dtype
    fits = given == pl.Null or {
        "string": isinstance(given, pl.Categorical | pl.Enum),
        "int64": given.is_integer(),
        "float64": given.is_numeric(),
        "timestamp": isinstance(given, pl.Datetime | pl.Date),
    }.get(column.type, False)
    if not fits:
        return values
    if column.type == "timestamp" and getattr(given, "time_zone", None) is None:
        return values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return values.cast(column.polars_type, strict=False)


def _whole(numbers: pl.Series) -> pl.Series:
    """Return numbers as whole ones; null where they are not, or are too large to be told apart."""
    whole = numbers.cast(pl.Int64, strict=False)
    same = whole.cast(numbers.dtype, strict=False) == numbers
    return whole.set(~same.fill_null(value=False), None)


def parse_text(column: Column, text: pl.Series) -> pl.Series:
    """Return the values that texts stand for in the declared type; null where one is none of the type.

    Times and dates are ISO 8601, in UTC where they don't say; bytes are in base64.
    """
    match column.type:
        case "string":
            return text
        case "bool":
            words = text.str.strip_chars().str.to_lowercase()
            return words.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
        case "timestamp" | "date":
            return _moments(text).cast(column.polars_type)
        case "binary":
            return text.str.decode("base64", strict=False)
        case _:
            return text.str.strip_chars().cast(column.polars_type, strict=False)


def _moments(text: pl.Series) -> pl.Series:
    """Return times in UTC. Polars takes one form of ISO 8601 at a time, and sources mix them."""
    moments = pl.Series(text.name, [None] * len(text), pl.Datetime("us", "UTC"))
    left = text.is_not_null()
    while left.any():
        try:
            read = text.filter(left).str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
        except pl.exceptions.ComputeError:  # not one of them looks like a time
            return moments
        if read.null_count() == len(read):
            return moments
        moments = moments.scatter(left.arg_true(), read)
        left = text.is_not_null() & moments.is_null()
    return moments
