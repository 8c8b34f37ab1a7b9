"""Rows from and to the files that people have."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

import polars as pl
import polars.selectors as cs

from towpath.assets.sources import Files, Fitting, Reading
from towpath.core.errors import NotFound, SchemaViolation, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from towpath.assets.datasets import Column

_ENDINGS = "Give .csv, .jsonl or .parquet."


def read_rows(path: Path, columns: Sequence[Column]) -> pl.DataFrame:
    """Read a file whole, in the types that a schema declares; see `Files` for what it may be.

    Columns that the schema does not declare stay as they are, and missing ones stay away.

    Raises:
        NotFound: There is no such file.
        UsageError: It is of a kind that can't be read.
        SchemaViolation: It is broken, or holds text where the schema declares something else.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {str(path)!r}", path=str(path))
    fitting = Fitting(columns=tuple(columns), exact=True)
    reading = Reading(columns=fitting.asked(), exact=True)
    batches = Files(glob.escape(str(path.resolve()))).read(reading)
    frames = [fitting.fit(batch) for batch in batches if batch.rows.width]
    if not frames:
        raise SchemaViolation(f"{path} has no rows", remedy="Give a file that has some.")
    return pl.concat(frames)


def write_rows(rows: pl.DataFrame, path: Path) -> None:
    """Write a file of the kind that its ending says; bytes are in base64 where it holds text.

    Raises:
        UsageError: It is a kind that can't be written, or a place that can't be written to.
    """
    try:
        match path.suffix.lower():
            case ".csv":
                _readable(rows).write_csv(path)
            case ".jsonl" | ".ndjson":
                _readable(rows).write_ndjson(path)
            case ".parquet":
                rows.write_parquet(path)
            case other:
                raise UsageError(
                    f"{path} is not a file that rows can be written to ({other or 'no ending'})",
                    remedy=_ENDINGS,
                )
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error}", remedy="Choose another.") from error


def _readable(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(cs.binary().bin.encode("base64"))
