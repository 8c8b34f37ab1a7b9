"""Whether rows fit their declaration, and if not, which column, how often, and where first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl
from polars.exceptions import InvalidOperationError

from towpath.assets.checks import Broken
from towpath.core.errors import NotFound, SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.contract import Rows
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.schema import Column

_OFFENDERS_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One rule that rows broke.

    Attributes:
        column: The column, or the key's columns joined by commas.
        rule: What it should have been, in words that follow "column X of data set Y".
        count: How many rows broke it.
        rows: The first of them, counted from 0 in the order they were given.
    """

    column: str
    rule: str
    count: int
    rows: tuple[int, ...]


def conform(dataset: Dataset, rows: Rows) -> pl.DataFrame:
    """Return rows with the declared columns, types and order, having checked what the schema says.

    Rules that a data set declares besides are judged by `Quality`, not here.

    Raises:
        SchemaViolation: They don't fit. The message never holds a value other than keys, and keys
            only where they are not personal.
    """
    frame = shaped(dataset, rows)
    violations = [
        _violation(", ".join(part.columns), part.words, part.rows)
        for part in broken_declaration(dataset, frame)
    ]
    if violations:
        raise violation_error(dataset, frame, violations)
    return frame


def shaped(dataset: Dataset, rows: Rows) -> pl.DataFrame:
    """Return rows with the declared columns, types and order, whatever their values.

    Raises:
        SchemaViolation: A column is missing, not declared, or of a type that does not widen.
    """
    frame = _materialised(rows)
    _check_names(dataset, frame, needed=[column.name for column in dataset.columns])
    return frame.select(
        _converted(dataset, column, frame.get_column(column.name)) for column in dataset.columns
    )


def conform_keys(dataset: Dataset, rows: Rows) -> pl.DataFrame:
    """Return the keys that rows name, each once, with their declared types.

    Other columns may be there or not, and are not looked at. A key with a missing value is no row's.

    Raises:
        SchemaViolation: A key column is missing or of another type, or a column is not declared.
    """
    frame = _materialised(rows)
    keys = dataset.key_columns
    _check_names(dataset, frame, needed=keys)
    return (
        frame.select(
            _converted(dataset, column, frame.get_column(column.name))
            for column in dataset.columns
            if column.name in keys
        )
        .select(keys)
        .drop_nulls()
        .unique(maintain_order=True)
    )


def broken_declaration(dataset: Dataset, frame: pl.DataFrame) -> list[Broken]:
    """Return what rows break of the schema: missing values, bounds, values allowed, keys."""
    return [*broken_schema(dataset, frame), *_repeated(dataset, frame)]


def repeated_keys(dataset: Dataset, frame: pl.DataFrame) -> list[Violation]:
    """Return the violation of keys that occur more than once, if any do."""
    return [
        _violation(", ".join(part.columns), part.words, part.rows)
        for part in _repeated(dataset, frame)
    ]


def violation_error(
    dataset: Dataset, frame: pl.DataFrame, violations: Sequence[Violation]
) -> SchemaViolation:
    """Build the error that names what is wrong, how often, and where first."""
    first, *others = violations
    more = f" (and {len(others)} more rule{'s'[: len(others) != 1]} broken)" if others else ""
    return SchemaViolation(
        f"column {first.column!r} of data set {dataset.name!r} {first.rule} in {first.count} of "
        f"{frame.height} rows, first in {_places(dataset, frame, first.rows)}{more}",
        remedy="Nothing was stored. Mend the rows, or the schema, and commit again.",
        dataset=dataset.name,
        column=first.column,
        count=first.count,
        rows=list(first.rows),
        violations=[
            {"column": one.column, "rule": one.rule, "count": one.count, "rows": list(one.rows)}
            for one in violations
        ],
    )


def first_rows(rows: pl.Series) -> tuple[int, ...]:
    """Return as many row numbers as an error names."""
    return tuple(rows.head(_OFFENDERS_NAMED).to_list())


def _materialised(rows: Rows) -> pl.DataFrame:
    if isinstance(rows, pl.DataFrame):
        return rows
    if isinstance(rows, pl.LazyFrame):
        return rows.collect()
    return cast("pl.DataFrame", pl.from_arrow(cast(Any, rows)))


def _check_names(dataset: Dataset, frame: pl.DataFrame, *, needed: Sequence[str]) -> None:
    declared = [column.name for column in dataset.columns]
    missing = [name for name in needed if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in declared]
    if unknown:
        near = NotFound.named("column", unknown[0], missing or declared).remedy
        raise SchemaViolation(
            f"data set {dataset.name!r} has no column {unknown[0]!r}",
            remedy=f"{near} Nothing was stored.",
            dataset=dataset.name,
            column=unknown[0],
            unknown=unknown,
            missing=missing,
        )
    if missing:
        raise SchemaViolation(
            f"the rows for data set {dataset.name!r} lack column {missing[0]!r}",
            remedy="Nothing was stored. Add the column, with nulls where its value is not known.",
            dataset=dataset.name,
            column=missing[0],
            missing=missing,
        )


def _converted(dataset: Dataset, column: Column, values: pl.Series) -> pl.Series:
    """Widen a column to its declared type where that loses nothing."""
    wanted, given = column.polars_type, values.dtype
    if given == wanted:
        return _without_nan(column, values)
    fits = {
        "string": isinstance(given, pl.Categorical | pl.Enum),
        "int64": given.is_integer(),
        "float64": given.is_numeric(),
        "timestamp": isinstance(given, pl.Datetime),
    }.get(column.type, False)
    if not fits and given != pl.Null:
        raise SchemaViolation(
            f"column {column.name!r} of data set {dataset.name!r} holds {given}, and is declared "
            f"{column.type}",
            remedy="Nothing was stored. Convert it before committing.",
            dataset=dataset.name,
            column=column.name,
            given=str(given),
            declared=column.type,
        )
    if isinstance(given, pl.Datetime) and given.time_zone is None:
        values = values.dt.replace_time_zone("UTC")
    try:
        return _without_nan(column, values.cast(wanted))
    except InvalidOperationError as error:
        raise SchemaViolation(
            f"column {column.name!r} of data set {dataset.name!r} has numbers beyond {column.type}",
            remedy="Nothing was stored. Make them smaller, or declare the column float.",
            dataset=dataset.name,
            column=column.name,
        ) from error


def _without_nan(column: Column, values: pl.Series) -> pl.Series:
    """Take NaN for a missing value: Parquet, SQL and people mean the same by both."""
    return values.fill_nan(None) if column.type == "float64" else values


def _repeated(dataset: Dataset, frame: pl.DataFrame) -> list[Broken]:
    keys = list(dataset.key_columns)
    if frame.select(keys).n_unique() == frame.height:
        return []
    repeated = frame.select(pl.struct(keys).is_duplicated().alias("bad"))["bad"]
    return [Broken(columns=tuple(keys), words="repeats a key", rows=repeated)]


def broken_schema(dataset: Dataset, frame: pl.DataFrame) -> list[Broken]:
    """Return what values break of their columns: missing ones, bounds, values allowed."""
    rules: list[tuple[str, str, pl.Expr]] = []
    for column in dataset.columns:
        value = pl.col(column.name)
        if not column.nullable:
            rules.append((column.name, "is missing", value.is_null()))
        if column.range is not None:
            rules.append((column.name, f"is not {_bounds(column)}", _outside(column)))
        if column.values is not None:
            allowed = ", ".join(map(str, column.values.allowed))
            known = value.is_in(list(column.values.allowed))
            rules.append((column.name, f"is not one of {allowed}", ~known))
    if not rules:
        return []
    counts = frame.select(
        rule.fill_null(value=False).sum().alias(str(place))
        for place, (_, _, rule) in enumerate(rules)
    ).row(0)
    return [
        Broken(
            columns=(name,),
            words=words,
            rows=frame.select(rule.fill_null(value=False).alias("bad"))["bad"],
        )
        for (name, words, rule), count in zip(rules, counts, strict=True)
        if count
    ]


def _bounds(column: Column) -> str:
    assert column.range is not None
    least, most = column.range.least, column.range.most
    if most is None:
        return f"at least {least:,}"
    return f"at most {most:,}" if least is None else f"between {least:,} and {most:,}"


def _outside(column: Column) -> pl.Expr:
    assert column.range is not None
    value, least, most = pl.col(column.name), column.range.least, column.range.most
    below = pl.lit(value=False) if least is None else value < least
    return below if most is None else below | (value > most)


def _violation(column: str, rule: str, bad: pl.Series) -> Violation:
    rows = bad.arg_true()
    return Violation(
        column=column,
        rule=rule,
        count=rows.len(),
        rows=first_rows(rows),
    )


def _places(dataset: Dataset, frame: pl.DataFrame, rows: Sequence[int]) -> str:
    """Return "row 17 (flight_id 'UA1'), row 20 (…)", keys left out where they are personal."""
    personal = {column.name for column in dataset.columns if column.personal}
    if personal.intersection(dataset.key_columns):
        return ", ".join(f"row {row}" for row in rows)
    keys = frame.select(dataset.key_columns)
    return ", ".join(
        f"row {row} ({', '.join(f'{name} {value!r}' for name, value in keys.row(row, named=True).items())})"
        for row in rows
    )
