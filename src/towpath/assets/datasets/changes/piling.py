"""Puts a layer on a bucket's pile, merged with the layers below it that are due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.parquet import delete_columns, read_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore

RUNS_MOST = 8
LARGE_RUNS_MOST = 32
_LARGE_ENTRIES = 4_096
_LAYER = "__layer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a bucket, not written yet.

    Attributes:
        height: Its number.
        rows: Its rows: a key once.
        deletes: Its delete markers: `delete_columns`, each once.
        merged: The files that it stands for from now on.
    """

    height: int
    rows: pl.DataFrame
    deletes: pl.DataFrame
    merged: Sequence[DataFile] = ()


def pile(
    blobs: BlobStore,
    manifest: Manifest,
    files: Sequence[DataFile],
    *,
    rows: pl.DataFrame,
    deletes: pl.DataFrame,
) -> Layer:
    """Return the new top layer of a bucket.

    Args:
        blobs: Where the files are.
        manifest: What they are files of.
        files: The bucket's files.
        rows: The newest rows.
        deletes: The newest markers.
    """
    heights = sorted({file.layer for file in files if file.layer}, reverse=True)
    runs = [[file for file in files if file.layer == height] for height in heights]
    due = runs_due(rows.height + deletes.height, [sum(one.rows for one in run) for run in runs])
    if not due:
        height = heights[0] + 1 if heights else 1
        return Layer(height=height, rows=rows, deletes=deletes)
    merged = [file for run in runs[:due] for file in run]
    return _merge(blobs, manifest, merged, Layer(height=heights[0] + 1, rows=rows, deletes=deletes))


def runs_due(entries: int, runs: Sequence[int]) -> int:
    """Return how many of the runs below, newest first, merge with a new one of so many entries.

    A run's class is the power of `RUNS_MOST` that it has reached. When as many runs as may be on top
    are of one class, or smaller, they become one, which may be one too many for the next class. Large
    runs may be many: opening a file costs a reader what some thousand rows do.
    """
    due = 0
    while True:
        merged = entries + sum(runs[:due])
        most = RUNS_MOST if merged < _LARGE_ENTRIES else LARGE_RUNS_MOST
        alike = due
        while alike < len(runs) and _size_class(runs[alike]) <= _size_class(merged):
            alike += 1
        if 1 + alike - due < most:
            return due
        due = alike


def _size_class(entries: int) -> int:
    reached = 0
    while entries >= RUNS_MOST:
        entries //= RUNS_MOST
        reached += 1
    return reached


def _merge(blobs: BlobStore, manifest: Manifest, files: Sequence[DataFile], top: Layer) -> Layer:
    """Return the newest row per key, and every marker that something below may still need."""
    keys, markers = list(manifest.key), delete_columns(manifest)
    rows = [_at(top.rows, top.height)]
    deletes = [_at(top.deletes.select(markers), top.height)]
    for file in files:
        parts, columns = (rows, None) if file.role == "rows" else (deletes, markers)
        read = read_files(blobs, manifest, [file], columns=columns)
        parts.append(_at(read, file.layer))
    newest = (
        pl.concat([part.select(*keys, _LAYER) for part in (*rows, *deletes)])
        .group_by(keys)
        .agg(pl.col(_LAYER).max())
    )
    kept = pl.concat(rows).join(newest, on=[*keys, _LAYER], how="semi").drop(_LAYER)
    gone = pl.concat(deletes).select(markers).unique()
    return Layer(
        height=min(file.layer for file in files),
        rows=kept,
        # A row that lives says by itself that older ones of its subject don't.
        deletes=gone.join(kept, on=markers, how="anti", nulls_equal=True),
        merged=files,
    )


def _at(rows: pl.DataFrame, layer: int) -> pl.DataFrame:
    return rows.with_columns(pl.lit(layer, pl.Int64).alias(_LAYER))
