"""Which rows of a version live: those whose key no higher layer of their bucket has.

Overlays are told apart by key, not by position, since keys survive an erasure and positions don't. A
file's entry says how many of its rows are superseded: files without any are read as they lie, the
others are joined with the keys above them, which are few. So an overlay costs the key column of what it
changes, and nothing where it changes nothing.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import groupby
from typing import TYPE_CHECKING, Literal

import polars as pl

from towpath.assets.datasets.parquet import open_files, polars_schema, scan_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore


_PATH = "__path"
_BUCKET = "__bucket"
_LAYER = "__layer"
_TOP = "__top"
_NO_BUCKET = -1


def scan_live(
    blobs: BlobStore, manifest: Manifest, files: Sequence[DataFile], held: ExitStack
) -> list[pl.LazyFrame]:
    """Return the live rows of some of a version's files, as frames of all its columns.

    Files without superseded rows come first, as one frame; then superseded ones, a bucket's base at a
    time. The files, and the overlays above them, are opened and verified now, and stay open as long as
    `held`; the keys of the overlays are read now.
    """
    whole = [file for file in files if file.live and not file.superseded]
    stained = [file for file in files if file.live and file.superseded]
    frames: list[pl.LazyFrame] = []
    if whole:
        frames.append(scan_paths(manifest, open_files(blobs, whole, held)))
    if stained:
        frames += _against_newer(blobs, manifest, stained, held, how="anti")
    return frames


def read_live(
    blobs: BlobStore,
    manifest: Manifest,
    files: Sequence[DataFile] | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return the live rows of some of a version's files, or of all of them."""
    with ExitStack() as held:
        frames = scan_live(blobs, manifest, manifest.files if files is None else files, held)
        return _collected(manifest, frames, columns)


def read_superseded(
    blobs: BlobStore, manifest: Manifest, files: Sequence[DataFile]
) -> pl.DataFrame:
    """Return the rows of some of a version's files that do not live."""
    stained = [file for file in files if file.superseded]
    if not stained:
        return _collected(manifest, [], None)
    with ExitStack() as held:
        frames = _against_newer(blobs, manifest, stained, held, how="semi")
        return _collected(manifest, frames, None)


def _against_newer(
    blobs: BlobStore,
    manifest: Manifest,
    stained: Sequence[DataFile],
    held: ExitStack,
    *,
    how: Literal["anti", "semi"],
) -> list[pl.LazyFrame]:
    """Join files with the keys above them: one frame for all overlays, one per bucket for bases."""
    keys = list(manifest.key)
    newest = _newest(blobs, manifest, manifest.above(stained), held)
    frames: list[pl.LazyFrame] = []
    overlays = [file for file in stained if file.layer]
    if overlays:
        placed = _placed(blobs, manifest, overlays, held)
        rows = placed.join(newest.lazy(), on=[_BUCKET, *keys], how="left", maintain_order="left")
        older = (pl.col(_LAYER) < pl.col(_TOP)).fill_null(value=False)
        kept = rows.filter(older if how == "semi" else ~older)
        frames.append(kept.select(polars_schema(manifest).names()))
    above = newest.select(_BUCKET, *keys).partition_by(_BUCKET, as_dict=True, include_key=False)
    bases = [file for file in stained if not file.layer]
    # A manifest's order, which `stained` is in, puts the files of one bucket side by side.
    for bucket, group in groupby(bases, key=_bucket):
        base = scan_paths(manifest, open_files(blobs, list(group), held))
        newer = above[bucket,].lazy()
        frames.append(base.join(newer, on=keys, how=how, maintain_order="left"))
    return frames


def _newest(
    blobs: BlobStore, manifest: Manifest, files: Sequence[DataFile], held: ExitStack
) -> pl.DataFrame:
    """Return every key in some overlays, by bucket, with the highest layer that has it."""
    keys = list(manifest.key)
    entries = _placed(blobs, manifest, files, held).select(_BUCKET, *keys, _LAYER)
    return entries.group_by(_BUCKET, *keys).agg(pl.col(_LAYER).max().alias(_TOP)).collect()


def _placed(
    blobs: BlobStore, manifest: Manifest, files: Sequence[DataFile], held: ExitStack
) -> pl.LazyFrame:
    """Scan files with the bucket and the layer of each row."""
    paths = [str(path) for path in open_files(blobs, files, held)]
    places = pl.LazyFrame(
        {
            _PATH: paths,
            _BUCKET: [_bucket(file) for file in files],
            _LAYER: [file.layer for file in files],
        },
        schema={_PATH: pl.String(), _BUCKET: pl.Int64(), _LAYER: pl.Int64()},
    )
    # One file may be in two layers.
    distinct = list(dict.fromkeys(paths))
    rows = scan_paths(manifest, distinct, include_file_paths=_PATH)
    return rows.join(places, on=_PATH, maintain_order="left")


def _bucket(file: DataFile) -> int:
    return _NO_BUCKET if file.bucket is None else file.bucket


def _collected(
    manifest: Manifest, frames: Sequence[pl.LazyFrame], columns: Sequence[str] | None
) -> pl.DataFrame:
    schema = polars_schema(manifest)
    names = schema.names() if columns is None else list(columns)
    if not frames:
        return pl.DataFrame(schema=schema).select(names)
    return pl.concat(frames).select(names).collect()
