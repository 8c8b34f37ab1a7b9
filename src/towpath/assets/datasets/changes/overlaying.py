"""Writes a change of rows as new files over old ones, and keeps the pile from growing too high.

A bucket is a small log-structured merge tree (O'Neil, Cheng, Gawlick and O'Neil, Acta Informatica
1996). Rows with new keys join its base. Rows that replace others, and markers for rows that go, make one
new layer on top, so a change costs what it changes. When eight layers of like size have piled up they
become one (size-tiered compaction), so a changed row is written again once per power of eight; layers
of thousands of rows wait until they are thirty-two. When a bucket's overlays have grown to half its
base, the whole bucket becomes base again, unless it is too large to hold in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import polars as pl

from towpath.assets.datasets.changes.folding import fold
from towpath.assets.datasets.changes.lookup import BUCKET, FILE, NO_BUCKET
from towpath.assets.datasets.changes.piling import pile
from towpath.assets.datasets.layers import read_live
from towpath.assets.datasets.parquet import (
    EncodedFile,
    by_bucket,
    delete_columns,
    encode_buckets,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.changes.changing import Change
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore

OVERLAY_SHARE_MOST = 0.5
_REBUILT_ROWS_MOST = 4_000_000
Bucket: TypeAlias = "int | None"


@dataclass(slots=True)
class _Layout:
    """The next files of all buckets, on their way."""

    kept: list[DataFile] = field(default_factory=list)
    base: dict[Bucket, pl.DataFrame] = field(default_factory=dict)
    overlay: dict[Bucket, pl.DataFrame] = field(default_factory=dict)
    deletes: dict[Bucket, pl.DataFrame] = field(default_factory=dict)
    heights: dict[Bucket, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrivals:
    """What comes to one bucket.

    Attributes:
        added: Rows whose keys the bucket has never had.
        overlay: Rows whose keys it has, or had.
        deletes: Keys, and subjects, of rows that go and that no row in `overlay` stands for.
        removed: Keys of all rows that go.
    """

    added: pl.DataFrame
    overlay: pl.DataFrame
    deletes: pl.DataFrame
    removed: pl.DataFrame

    @property
    def entries(self) -> int:
        """How many rows and markers would make a new layer."""
        return self.overlay.height + self.deletes.height


def lay(blobs: BlobStore, manifest: Manifest, change: Change) -> tuple[Manifest, list[EncodedFile]]:
    """Return the manifest after a change, and the files that are new.

    Costs what the change is large, and the buckets whose layers are due to be merged.
    """
    arrivals = _by_bucket(manifest, change)
    files = _marked(manifest, change.removed)
    layout = _Layout(kept=[file for file in files if file.bucket not in arrivals])
    for bucket, coming in arrivals.items():
        theirs = [file for file in files if file.bucket == bucket]
        if _is_due(theirs, coming):
            before = [file for file in manifest.files if file.bucket == bucket]
            left = read_live(blobs, manifest, before)
            stays = left.join(coming.removed, on=manifest.key, how="anti")
            layout.base[bucket] = pl.concat([stays, coming.added, coming.overlay])
            continue
        if not coming.added.is_empty():
            theirs, layout.base[bucket] = fold(blobs, manifest, theirs, coming.added)
        if coming.entries:
            layer = pile(blobs, manifest, theirs, rows=coming.overlay, deletes=coming.deletes)
            theirs = [file for file in theirs if file not in layer.merged]
            layout.overlay[bucket], layout.deletes[bucket] = layer.rows, layer.deletes
            layout.heights[bucket] = layer.height
        layout.kept += theirs
    new = [
        *encode_buckets(manifest, layout.base),
        *encode_buckets(manifest, layout.overlay, layers=layout.heights),
        *encode_buckets(manifest, layout.deletes, layers=layout.heights, role="deletes"),
    ]
    after = manifest.with_files(needed([*layout.kept, *(file.entry for file in new)]))
    used = {file.digest for file in after.files}
    return after, [file for file in new if file.entry.digest in used]


def needed(files: Sequence[DataFile]) -> list[DataFile]:
    """Return the files without those that have no effect any more.

    Nothing lives in a file whose rows are all superseded, and what it superseded itself is superseded
    by a newer entry of the same subject as well. Markers are needed while something is below them.
    """
    rows = [file for file in files if file.live]
    stained = [file for file in rows if file.superseded]
    lowest: dict[Bucket, int] = {}
    for file in stained:
        lowest[file.bucket] = min(file.layer, lowest.get(file.bucket, file.layer))
    markers = [
        file
        for file in files
        if file.role == "deletes" and file.bucket in lowest and file.layer > lowest[file.bucket]
    ]
    return rows + markers


def _by_bucket(manifest: Manifest, change: Change) -> dict[Bucket, _Arrivals]:
    """Split a change by bucket, and tell rows for the base from rows that must lie on top."""
    keys, markers = list(manifest.key), delete_columns(manifest)
    for_base: dict[Bucket, pl.DataFrame] = {}
    on_top: list[pl.DataFrame] = [change.replacing]
    for bucket, rows in by_bucket(manifest, change.added).items():
        had = change.known.filter(pl.col(BUCKET) == (NO_BUCKET if bucket is None else bucket))
        on_top.append(rows.join(had, on=keys, how="semi"))
        for_base[bucket] = rows.join(had, on=keys, how="anti")
    replaced = pl.concat(on_top)
    gone = change.removed.select(markers)
    overlay = by_bucket(manifest, replaced)
    deletes = by_bucket(manifest, gone.join(replaced, on=markers, how="anti", nulls_equal=True))
    removed = by_bucket(manifest, gone)
    return {
        bucket: _Arrivals(
            added=for_base.get(bucket, change.added.clear()),
            overlay=overlay.get(bucket, replaced.clear()),
            deletes=deletes.get(bucket, gone.clear()),
            removed=removed.get(bucket, gone.clear()).select(keys),
        )
        for bucket in for_base.keys() | overlay.keys() | deletes.keys() | removed.keys()
    }


def _marked(manifest: Manifest, removed: pl.DataFrame) -> list[DataFile]:
    """Return the files with the rows that go counted as superseded."""
    counts = dict(removed.group_by(FILE).len().iter_rows())
    return [
        msgspec.structs.replace(file, superseded=file.superseded + counts.get(place, 0))
        for place, file in enumerate(manifest.files)
    ]


def _is_due(files: Sequence[DataFile], coming: _Arrivals) -> bool:
    """Tell whether a bucket's overlays have grown so large that it should be base again.

    A bucket that would take gigabytes of memory is left to `compact`, which goes file by file.
    """
    piled = sum(file.rows for file in files if file.layer) + coming.entries
    base = sum(file.rows for file in files if not file.layer) + coming.added.height
    grown = bool(coming.entries) and piled > OVERLAY_SHARE_MOST * base
    return grown and base + piled <= _REBUILT_ROWS_MOST
