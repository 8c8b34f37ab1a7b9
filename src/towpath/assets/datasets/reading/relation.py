"""A version as a DuckDB relation: its own files where they can be read as they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.reading.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb
    import polars as pl

    from towpath.assets.datasets.manifest import Manifest

_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "binary": "BLOB",
}


def relation_of_files(
    connection: duckdb.DuckDBPyConnection | None,
    manifest: Manifest,
    paths: Sequence[Path],
    *,
    columns: Sequence[str],
    since: datetime | None,
    until: datetime | None,
) -> duckdb.DuckDBPyRelation:
    """Let DuckDB scan verified files that have no rows superseded.

    A file that was written before a column was declared lacks it; it reads as null there.
    """
    session = _session(connection)
    types = {column.name: _TYPES[column.type] for column in manifest.columns}
    if not paths:
        nothing = ", ".join(f"NULL::{types[name]} AS {_quoted(name)}" for name in columns)
        return session.sql(f"SELECT {nothing} WHERE false")
    rows = session.read_parquet([str(path) for path in paths], union_by_name=True)
    bounds = [
        f"{_quoted(manifest.time or '')} {sign} TIMESTAMPTZ '{moment.isoformat()}'"
        for sign, moment in ((">=", since), ("<", until))
        if moment is not None
    ]
    if bounds:
        rows = rows.filter(" AND ".join(bounds))
    there = set(rows.columns)
    return rows.project(
        ", ".join(
            _quoted(name) if name in there else f"NULL::{types[name]} AS {_quoted(name)}"
            for name in columns
        )
    )


def relation_of_frame(
    connection: duckdb.DuckDBPyConnection | None, rows: pl.LazyFrame
) -> duckdb.DuckDBPyRelation:
    """Let DuckDB read a lazy frame: it hands over the columns and filters that a query has."""
    return _session(connection).from_arrow(rows)


def _session(connection: duckdb.DuckDBPyConnection | None) -> duckdb.DuckDBPyConnection:
    module = require("duckdb", extra="duckdb")
    return module.default_connection() if connection is None else connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
