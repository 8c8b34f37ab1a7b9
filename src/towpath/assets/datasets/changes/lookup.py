"""Finds the rows that a version has for given keys, reading as little as it can."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.parquet import open_files, polars_schema, scan_paths

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.assets.datasets.manifest import Manifest
    from towpath.storage.blobs import BlobStore

FILE = "__file"
BUCKET = "__bucket"
NO_BUCKET = -1
_PATH = "__path"
_LAYER = "__layer"
_ROLE = "__role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a version has for given keys.

    Attributes:
        rows: The live rows: the version's columns, and in `FILE` which of the manifest's files each
            is in.
        entries: The key columns and `BUCKET` (`NO_BUCKET` for none) of every row and delete marker,
            live or not.
    """

    rows: pl.DataFrame
    entries: pl.DataFrame


def find(blobs: BlobStore, manifest: Manifest, keys: pl.DataFrame) -> Stored:
    """Return what a version has for some keys.

    Row groups whose bounds of any key column lie outside the given keys' are skipped: keys that grow
    read next to nothing. For random keys the key columns of all files are read, as a stream, and
    nothing else of files that have none of the keys; other columns are only read of files that do.
    Memory is proportional to the keys given.

    Args:
        blobs: Where the files are.
        manifest: The version.
        keys: The key columns; each key once.
    """
    if keys.is_empty() or not manifest.files:
        return _nothing(manifest)
    wanted = keys.select(manifest.key)
    with ExitStack() as held:
        distinct = {file.digest: file for file in manifest.files}
        opened = open_files(blobs, list(distinct.values()), held)
        paths = dict(zip(distinct, opened, strict=True))
        candidates = _scan(manifest, list(paths.values())).select(*manifest.key, _PATH)
        found = _having(candidates, wanted).collect(engine="streaming")
        if found.is_empty():
            return _nothing(manifest)
        entries = found.join(_places(manifest, paths), on=_PATH)
        live = entries.filter(
            (pl.col(_LAYER) == pl.col(_LAYER).max().over(BUCKET, *manifest.key))
            & (pl.col(_ROLE) == "rows")
        )
        return Stored(
            rows=_rows(manifest, live), entries=entries.select(*manifest.key, BUCKET).unique()
        )


def _rows(manifest: Manifest, live: pl.DataFrame) -> pl.DataFrame:
    """Read the live rows whole."""
    names = polars_schema(manifest).names()
    if live.is_empty():
        return _nothing(manifest).rows
    holding = live[_PATH].unique(maintain_order=True)
    keys = live.select(manifest.key).unique()
    candidates = _having(_scan(manifest, holding.to_list()), keys).collect(engine="streaming")
    # Another file may hold an older row of the same key.
    places = live.select(*manifest.key, _PATH, FILE)
    return candidates.join(places, on=[*manifest.key, _PATH]).select(*names, FILE)


def _scan(manifest: Manifest, paths: list[Path] | list[str]) -> pl.LazyFrame:
    return scan_paths(manifest, paths, include_file_paths=_PATH)


def _having(rows: pl.LazyFrame, keys: pl.DataFrame) -> pl.LazyFrame:
    """Keep the rows that have one of the keys.

    A key of one column is a filter, so that the other columns are decoded only where it holds.
    """
    near = _near(keys)
    if keys.width == 1:
        (name,) = keys.columns
        return rows.filter(near & pl.col(name).is_in(keys[name].implode()))
    return rows.filter(near).join(keys.lazy(), on=keys.columns, how="semi")


def _near(keys: pl.DataFrame) -> pl.Expr:
    """Return what holds for the given keys, and can be told from a row group's bounds."""
    bounds = keys.select(
        *(pl.col(name).min().alias(f"{name}:min") for name in keys.columns),
        *(pl.col(name).max().alias(f"{name}:max") for name in keys.columns),
    ).row(0, named=True)
    return pl.all_horizontal(
        pl.col(name).is_between(
            pl.lit(bounds[f"{name}:min"], dtype), pl.lit(bounds[f"{name}:max"], dtype)
        )
        for name, dtype in keys.schema.items()
    )


def _places(manifest: Manifest, paths: dict[str, Path]) -> pl.DataFrame:
    """Return where each path stands in the manifest; a file may be in two layers."""
    return pl.DataFrame(
        [
            (
                str(paths[file.digest]),
                place,
                NO_BUCKET if file.bucket is None else file.bucket,
                file.layer,
                file.role,
            )
            for place, file in enumerate(manifest.files)
        ],
        schema={
            _PATH: pl.String(),
            FILE: pl.Int64(),
            BUCKET: pl.Int64(),
            _LAYER: pl.Int64(),
            _ROLE: pl.String(),
        },
        orient="row",
    )


def _nothing(manifest: Manifest) -> Stored:
    schema = polars_schema(manifest)
    keys = {name: schema[name] for name in manifest.key}
    return Stored(
        rows=pl.DataFrame(schema={**schema, FILE: pl.Int64()}),
        entries=pl.DataFrame(schema={**keys, BUCKET: pl.Int64()}),
    )
