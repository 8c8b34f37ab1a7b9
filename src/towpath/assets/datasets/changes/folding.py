"""Adds rows to a bucket's base without leaving a trail of tiny files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.parquet import read_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore

_FOLDED_ROWS_MOST = 65_536


def fold(
    blobs: BlobStore, manifest: Manifest, files: Iterable[DataFile], added: pl.DataFrame
) -> tuple[list[DataFile], pl.DataFrame]:
    """Return which of a bucket's files stay, and the rows of the new base file.

    Small files fold into the new one as carries do in binary addition: every file is at least twice as
    large as the next, so n appends leave O(log n) files per bucket, a row is rewritten O(log n) times,
    and large files are shared with every earlier version. Files that overlays have touched stay: which
    of their rows live is counted per file.
    """
    files = list(files)
    pure = [file for file in files if file.layer == 0 and file.live and not file.superseded]
    folded = _carried(pure, added.height)
    kept = [file for file in files if file not in folded]
    if not folded:
        return kept, added
    return kept, pl.concat([read_files(blobs, manifest, folded), added])


def _carried(files: list[DataFile], new_rows: int) -> list[DataFile]:
    carried: list[DataFile] = []
    for file in sorted(files, key=lambda file: file.rows):
        if file.rows > new_rows or new_rows + file.rows > _FOLDED_ROWS_MOST:
            break
        carried.append(file)
        new_rows += file.rows
    return carried
