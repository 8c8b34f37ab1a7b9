"""Adds rows to a version without leaving a trail of tiny files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.parquet import EncodedFile, encode_buckets, read_files

if TYPE_CHECKING:
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore

_FOLDED_ROWS_MOST = 65_536


def fold(
    blobs: BlobStore, manifest: Manifest, added: dict[int | None, pl.DataFrame]
) -> tuple[Manifest, list[EncodedFile]]:
    """Return the manifest with rows added to its buckets, and the files that are new.

    A bucket's small files fold into the new one as carries do in binary addition: every file is at
    least twice as large as the next, so n appends leave O(log n) files per bucket, a row is rewritten
    O(log n) times, and large files are shared with every earlier version.
    """
    kept = list(manifest.files)
    parts: dict[int | None, pl.DataFrame] = {}
    for bucket, rows in added.items():
        folded = _carried([file for file in kept if file.bucket == bucket], rows.height)
        kept = [file for file in kept if file not in folded]
        parts[bucket] = pl.concat([read_files(blobs, manifest, folded), rows]) if folded else rows
    files = encode_buckets(manifest, parts)
    return manifest.with_files([*kept, *(file.entry for file in files)]), files


def _carried(files: list[DataFile], new_rows: int) -> list[DataFile]:
    carried: list[DataFile] = []
    for file in sorted(files, key=lambda file: file.rows):
        if file.rows > new_rows or new_rows + file.rows > _FOLDED_ROWS_MOST:
            break
        carried.append(file)
        new_rows += file.rows
    return carried
