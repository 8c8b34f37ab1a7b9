"""What a data set gained from one version to another, where gaining is all that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.layers import read_live

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore


def gained(
    blobs: BlobStore,
    before: Manifest,
    after: Manifest,
    columns: Sequence[str],
    *,
    rows_most: int,
) -> pl.DataFrame | None:
    """Return the rows of `after` that `before` lacks, or None unless every row of `before` is still there.

    Reads the files that differ and no others. Appending folds small files into larger ones, so the
    rows of a file that went are looked for in those that came.

    Args:
        blobs: Where the files are.
        before: The earlier version.
        after: The later version.
        columns: The columns to return; the key must be among them. A row that changed in none of
            these is the same row.
        rows_most: Give up where more rows than this would have to be read.
    """
    if not _same_table(before, after, columns):
        return None
    went, came = _changed(before, after), _changed(after, before)
    if sum(file.rows for file in came) > rows_most:
        return None
    fresh = read_live(blobs, after, came, columns=columns)
    if not went:
        return fresh
    gone = read_live(blobs, before, went, columns=columns)
    kept = fresh.join(gone, on=list(columns), how="semi", nulls_equal=True)
    if kept.height != gone.height:
        return None
    return fresh.join(gone, on=list(after.key), how="anti")


def _same_table(before: Manifest, after: Manifest, columns: Sequence[str]) -> bool:
    """Tell whether both hold these columns, in equal types, under one key."""
    types = [{column.name: column.type for column in one.columns} for one in (before, after)]
    return before.key == after.key and all(
        name in types[0] and types[0][name] == types[1].get(name) for name in columns
    )


def _changed(one: Manifest, other: Manifest) -> list[DataFile]:
    """Return the files of `one` whose live rows are not those of a file of `other`."""
    known = set(other.files)
    overlays = {bucket: _overlays(other, bucket) for bucket in {file.bucket for file in one.files}}
    return [
        file
        for file in one.files
        if file.live
        and (
            file not in known
            or (file.superseded and _overlays(one, file.bucket) != overlays[file.bucket])
        )
    ]


def _overlays(manifest: Manifest, bucket: int | None) -> set[DataFile]:
    """Return what decides which rows of a bucket live, besides the rows themselves."""
    return {
        file
        for file in manifest.files
        if file.bucket == bucket and (file.layer or file.role == "deletes")
    }
