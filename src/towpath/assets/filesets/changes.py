"""What differs between two states of a file set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.filesets.contract import FileChange, FileDiff
from towpath.assets.filesets.declaration import FILE_COLUMNS
from towpath.assets.filesets.rows import differing

if TYPE_CHECKING:
    from collections.abc import Iterator


def diff_rows(before: pl.DataFrame, after: pl.DataFrame) -> FileDiff:
    """Compare the rows of two states, told apart by path.

    Bytes that left exactly one path and came to exactly one are `moved`.
    """
    other = differing(after, before)
    new = other.join(before, on="path", how="anti")
    gone = before.join(after, on="path", how="anti")
    moved = _moved(gone, new)
    new = new.join(moved, on="path", how="anti")
    gone = gone.join(moved, left_on="path", right_on="before_path", how="anti")
    kept = other.join(before.select("path", "digest", "size_bytes"), on="path", suffix="_before")
    changes = [
        *_entries("added", new.with_columns(size_bytes_before=None)),
        *_entries("removed", _as_before(gone)),
        *_entries("moved", moved.with_columns(size_bytes_before="size_bytes")),
        *_entries("changed", kept.filter(pl.col("digest") != pl.col("digest_before"))),
        *_entries("described", kept.filter(pl.col("digest") == pl.col("digest_before"))),
    ]
    return FileDiff(
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        unchanged=after.height - other.height,
    )


def _moved(gone: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `new` whose bytes only one path of `gone` and one of `new` has."""
    left = gone.filter(pl.col("digest").is_unique()).select(
        "digest", pl.col("path").alias("before_path")
    )
    return new.filter(pl.col("digest").is_unique()).join(left, on="digest", maintain_order="left")


def _as_before(gone: pl.DataFrame) -> pl.DataFrame:
    return gone.select(*FILE_COLUMNS).rename({"size_bytes": "size_bytes_before"})


def _entries(kind: str, rows: pl.DataFrame) -> Iterator[FileChange]:
    for row in rows.iter_rows(named=True):
        yield FileChange(
            path=row["path"],
            kind=kind,  # pyright: ignore[reportArgumentType] -- one of the five words above
            size_bytes_before=row.get("size_bytes_before"),
            size_bytes_after=row.get("size_bytes"),
            before_path=row.get("before_path"),
        )
