"""Rows from and to the files that people have: CSV, JSON lines, Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from towpath.assets.datasets import Column
from towpath.core.errors import NotFound, SchemaViolation, UsageError

_NULLS = ["", "NA"]
_ENDINGS = "Give .csv, .jsonl or .parquet."
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read_rows(path: Path, columns: Sequence[Column]) -> pl.DataFrame:
    """Read a file in the types that a schema declares; columns it does not declare stay as they are.

    Raises:
        NotFound: There is no such file.
        UsageError: It is of a kind that can't be read.
        SchemaViolation: It is broken, or holds text where the schema declares something else.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {str(path)!r}", path=str(path))
    try:
        match path.suffix.lower():
            case ".csv":
                return _read_csv(path, columns)
            case ".jsonl" | ".ndjson":
                types = {column.name: column.polars_type for column in columns}
                return pl.read_ndjson(path, schema_overrides=types)
            case ".parquet":
                return pl.read_parquet(path)
            case other:
                raise UsageError(
                    f"{path} is not a file that can be added ({other or 'no ending'})",
                    remedy=_ENDINGS,
                )
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise SchemaViolation(
            f"{path} can't be read: {str(error).splitlines()[0]}",
            remedy="Nothing was stored. Mend the file.",
        ) from error


def write_rows(rows: pl.DataFrame, path: Path) -> None:
    """Write a file of the kind that its ending says.

    Raises:
        UsageError: It is a kind that can't be written, or a place that can't be written to.
    """
    try:
        match path.suffix.lower():
            case ".csv":
                rows.write_csv(path)
            case ".jsonl" | ".ndjson":
                rows.write_ndjson(path)
            case ".parquet":
                rows.write_parquet(path)
            case other:
                raise UsageError(
                    f"{path} is not a file that rows can be written to ({other or 'no ending'})",
                    remedy=_ENDINGS,
                )
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error}", remedy="Choose another.") from error


def _read_csv(path: Path, columns: Sequence[Column]) -> pl.DataFrame:
    """Read everything as text first, so that what does not fit can be named by row and column."""
    texts = pl.read_csv(path, infer_schema=False, null_values=_NULLS)
    declared = {column.name: column for column in columns}
    return texts.select(
        _converted(path, declared[text.name], text) if text.name in declared else text
        for text in texts
    )


def _converted(path: Path, column: Column, text: pl.Series) -> pl.Series:
    values = parsed(column, text)
    bad = (values.is_null() & text.is_not_null()).arg_true()
    if bad.is_empty():
        return values
    raise SchemaViolation(
        f"column {column.name!r} of {path} is not {_WORDS[column.type]} in {len(bad)} of "
        f"{len(text)} rows, first in row {bad[0]} (line {bad[0] + 2})",
        remedy="Nothing was stored. Mend the file, or the type in the schema.",
        column=column.name,
        count=len(bad),
        rows=bad.head(3).to_list(),
    )


def parsed(column: Column, text: pl.Series) -> pl.Series:
    """Return the values; null where the text is none of the type."""
    match column.type:
        case "string":
            return text
        case "bool":
            words = text.str.to_lowercase()
            return words.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
        case "timestamp" | "date":
            try:
                whole = text.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
            except pl.exceptions.ComputeError:  # not one of them looks like a time
                whole = pl.Series(text.name, [None] * len(text), pl.Datetime("us", "UTC"))
            return whole.cast(column.polars_type)
        case "int64" | "float64":
            return text.str.strip_chars().cast(column.polars_type, strict=False)
        case "binary":
            return text.str.decode("base64", strict=False)


_WORDS = {
    "string": "text",
    "int64": "a whole number",
    "float64": "a number",
    "bool": "true or false",
    "timestamp": "a time (ISO 8601)",
    "date": "a date (ISO 8601)",
    "binary": "bytes in base64",
}
