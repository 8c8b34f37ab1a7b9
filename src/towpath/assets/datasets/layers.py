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


def scan_live(
    blobs: BlobStore, manifest: Manifest, files: Sequence[DataFile], held: ExitStack
) -> list[pl.LazyFrame]:
    """Return the live rows of some of a version's files, as frames of all its columns.

    Files without superseded rows come first, as one frame; then one frame per bucket and layer. The
    files, and the overlays above them, are opened and verified now, and stay open as long as `held`.
    """
    whole = [file for file in files if file.live and not file.superseded]
    stained = [file for file in files if file.live and file.superseded]
    frames = []
    if whole:
        frames.append(scan_paths(manifest, open_files(blobs, whole, held)))
    return frames + _against_newer(blobs, manifest, stained, held, how="anti")


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
    with ExitStack() as held:
        return _collected(
            manifest, _against_newer(blobs, manifest, stained, held, how="semi"), None
        )


def _against_newer(
    blobs: BlobStore,
    manifest: Manifest,
    stained: list[DataFile],
    held: ExitStack,
    *,
    how: Literal["anti", "semi"],
) -> list[pl.LazyFrame]:
    """Join files with the keys above them: one frame per bucket and layer."""
    newer = manifest.above(stained)
    opened = [*stained, *newer]
    places = [id(file) for file in opened]
    paths = dict(zip(places, open_files(blobs, opened, held), strict=True))

    def scan(files: Sequence[DataFile]) -> pl.LazyFrame:
        return scan_paths(manifest, [paths[id(file)] for file in files])

    frames: list[pl.LazyFrame] = []
    # A manifest's order, which `files` are in, puts those of one bucket and layer side by side.
    for (bucket, layer), group in groupby(stained, key=lambda file: (file.bucket, file.layer)):
        above = [file for file in newer if file.bucket == bucket and file.layer > layer]
        keys = scan(above).select(manifest.key)
        frames.append(scan(list(group)).join(keys, on=manifest.key, how=how, maintain_order="left"))
    return frames


def _collected(
    manifest: Manifest, frames: Sequence[pl.LazyFrame], columns: Sequence[str] | None
) -> pl.DataFrame:
    schema = polars_schema(manifest)
    names = schema.names() if columns is None else list(columns)
    if not frames:
        return pl.DataFrame(schema=schema).select(names)
    return pl.concat(frames).select(names).collect()
