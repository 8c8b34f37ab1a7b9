"""From paths and what is known about them to the rows of a file set."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.assets.datasets import Dataset, Schema
from towpath.assets.datasets.validation import conform
from towpath.assets.filesets.declaration import FILE_COLUMNS
from towpath.assets.filesets.media import media_type
from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.assets.datasets.schema import Column
    from towpath.assets.filesets.declaration import FileSet
    from towpath.assets.filesets.listing import SourceFile

_ANNOTATIONS: dict[str, Any] = {
    "string": str,
    "int64": int,
    "float64": float,
    "bool": bool,
    "timestamp": datetime,
    "date": date,
    "binary": bytes,
}


def attribute_columns(fileset: FileSet) -> tuple[Column, ...]:
    """Return the declared attributes."""
    return tuple(one for one in fileset.dataset.columns if one.name not in FILE_COLUMNS)


def check_attributes(fileset: FileSet, given: pl.DataFrame) -> pl.DataFrame:
    """Return a table of attributes in the declared types.

    Raises:
        SchemaViolation: It has no `path`, columns that are not declared, values that don't fit, or a
            path twice.
    """
    if "path" not in given.columns:
        raise SchemaViolation(
            f"the attributes for file set {fileset.name!r} have no column 'path'",
            remedy="Say which file each row is about, by its path in the set.",
        )
    declared = {one.name: one for one in attribute_columns(fileset)}
    present = {name: declared[name] for name in given.columns if name in declared}
    annotations = {"path": str} | {
        name: _ANNOTATIONS[column.type] | None for name, column in present.items()
    }
    schema = type("Attributes", (Schema,), {"__annotations__": annotations})
    return conform(Dataset(fileset.name, schema=schema, key="path"), given)


def describe(
    fileset: FileSet,
    paths: Sequence[str],
    *,
    given: pl.DataFrame | None,
    before: pl.DataFrame,
) -> pl.DataFrame:
    """Return the attributes of paths: from the pattern, then from a table, then from before.

    Args:
        fileset: The declaration.
        paths: The paths, each once.
        given: A table that `check_attributes` returned; what it says of a path counts, nulls too.
        before: The rows of the version before.

    Raises:
        SchemaViolation: A path says something that is not of the attribute's type.
    """
    frame = _from_paths(fileset, paths)
    sources = {"before": before} if given is None else {"given": given, "before": before}
    for source, table in sources.items():
        known = [one.name for one in attribute_columns(fileset) if one.name in table.columns]
        renamed = table.select(
            "path", *(pl.col(name).alias(f"{source}:{name}") for name in known)
        ).with_columns(pl.lit(value=True).alias(source))
        frame = frame.join(renamed, on="path", how="left", maintain_order="left")
    chosen = (_first(frame.columns, column) for column in attribute_columns(fileset))
    return frame.select("path", *chosen)


def with_files(
    described: pl.DataFrame,
    files: Mapping[str, SourceFile],
    digests: Mapping[str, str],
    before: pl.DataFrame,
) -> pl.DataFrame:
    """Return whole rows: the described paths with the bytes that lie there now.

    A path whose bytes are as before keeps its media type, so that a new table of types makes no new
    version.
    """
    paths = described["path"].to_list()
    frame = described.with_columns(
        pl.Series("digest", [digests[path] for path in paths], pl.String),
        pl.Series("size_bytes", [files[path].stat.size_bytes for path in paths], pl.Int64),
        pl.Series("media_type", [media_type(path) for path in paths], pl.String),
    )
    kept = before.select("path", "digest", pl.col("media_type").alias("kept"))
    frame = frame.join(kept, on=["path", "digest"], how="left", maintain_order="left")
    frame = frame.with_columns(media_type=pl.coalesce("kept", "media_type"))
    return frame.select(*FILE_COLUMNS, *(name for name in described.columns if name != "path"))


def differing(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are not there, equal in every column, before."""
    missing = [
        pl.lit(None, rows.schema[name]).alias(name)
        for name in rows.columns
        if name not in before.columns
    ]
    same = before.with_columns(missing).select(rows.columns)
    return rows.join(same, on=rows.columns, how="anti", nulls_equal=True, maintain_order="left")


def _from_paths(fileset: FileSet, paths: Sequence[str]) -> pl.DataFrame:
    pattern = fileset.paths
    if pattern is None or not pattern.names:
        return pl.DataFrame({"path": paths}, schema={"path": pl.String})
    found = [pattern.match(path) or {} for path in paths]
    types = {column.name: column.polars_type for column in fileset.dataset.columns}
    columns = [pl.Series("path", paths, pl.String)]
    for name in pattern.names:
        texts = pl.Series(name, [one.get(name) for one in found], pl.String)
        values = texts.str.to_date(strict=False) if types[name] == pl.Date else texts
        values = values.cast(types[name], strict=False)
        unread = (values.is_null() & texts.is_not_null()).sum()
        if unread:
            raise SchemaViolation(
                f"in {unread} of {len(paths)} paths of file set {fileset.name!r} the part {name!r} "
                f"is not a {types[name]}",
                remedy=f"Rename the files to fit {fileset.pattern!r}, or declare {name!r} a str.",
                fileset=fileset.name,
                attribute=name,
                count=int(unread),
            )
        columns.append(values.alias(f"path:{name}"))
    return pl.DataFrame(columns)


def _first(known: Sequence[str], column: Column) -> pl.Expr:
    """Return what is said first of an attribute: by the path, the table given, the version before."""
    value = pl.lit(None, column.polars_type)
    if f"before:{column.name}" in known:
        value = pl.col(f"before:{column.name}")
    if f"given:{column.name}" in known:
        value = pl.when("given").then(f"given:{column.name}").otherwise(value)
    if f"path:{column.name}" in known:
        value = pl.coalesce(f"path:{column.name}", value)
    return value.alias(column.name)
