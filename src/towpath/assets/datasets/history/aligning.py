"""Which rows of two versions must be compared: files that both have, and nothing covers, are equal."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.layers import scan_live
from towpath.assets.datasets.parquet import polars_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore

_ROWS_MOST = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Some files of one version, whose live rows are to be compared.

    Attributes:
        manifest: The version's.
        files: The files, in the manifest's order.
        part: Which part of the keys, as (number, of how many).
    """

    manifest: Manifest
    files: tuple[DataFile, ...]
    part: tuple[int, int] = (0, 1)

    def read(self, blobs: BlobStore, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the live rows, or some of their columns."""
        schema = polars_schema(self.manifest)
        names = schema.names() if columns is None else list(columns)
        number, parts = self.part
        with ExitStack() as held:
            frames = scan_live(blobs, self.manifest, self.files, held)
            if parts > 1:
                mine = pl.struct(self.manifest.key).hash(seed=0) % parts == number
                frames = [frame.filter(mine) for frame in frames]
            empty = pl.DataFrame(schema=schema).lazy()
            return pl.concat([empty, *frames]).select(names).collect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Two versions, laid side by side.

    Attributes:
        pairs: What is to be compared with what; a key is in one pair only, unless its subject changed.
        files_shared: Files that both versions have.
        files_compared: Files that only one of them has.
        by_subject: Whether pairs are buckets of subjects, so that a row may have moved between them.
    """

    pairs: tuple[tuple[Side, Side], ...]
    files_shared: int
    files_compared: int
    by_subject: bool


def align(before: Manifest, after: Manifest) -> Alignment:
    """Find what two versions that are keyed alike do not share, by bucket.

    Buckets of more than two million rows are cut by the key's hash, so that a pair fits into memory
    whatever the size of the data set; each cut reads the files once more.
    """
    old, new = _places(before), _places(after)
    shared = old.keys() & new.keys()
    same_buckets = (before.subject, before.buckets) == (after.subject, after.buckets)
    by_bucket: dict[int | None, tuple[list[DataFile], list[DataFile]]] = {}
    for mine, theirs, side in ((old, new, 0), (new, old, 1)):
        for place, file in mine.items():
            # What nothing covers on either side is equal on both.
            if place in shared and not file.superseded and not theirs[place].superseded:
                continue
            bucket = file.bucket if same_buckets else None
            by_bucket.setdefault(bucket, ([], []))[side].append(file)
    pairs: list[tuple[Side, Side]] = []
    for olds, news in by_bucket.values():
        pairs.extend(_cut(before, after, tuple(olds), tuple(news)))
    return Alignment(
        pairs=tuple(pairs),
        files_shared=len(shared),
        files_compared=len(old.keys() ^ new.keys()),
        by_subject=same_buckets and before.buckets > 1 and before.subject not in before.key,
    )


def _places(manifest: Manifest) -> dict[tuple[str, int | None, int, str], DataFile]:
    """Return the files by what makes them the same in another version: content and layer."""
    return {(file.digest, file.bucket, file.layer, file.role): file for file in manifest.files}


def _cut(
    before: Manifest, after: Manifest, olds: tuple[DataFile, ...], news: tuple[DataFile, ...]
) -> Iterator[tuple[Side, Side]]:
    rows = max(sum(file.rows for file in files) for files in (olds, news))
    parts = -(-rows // _ROWS_MOST) or 1
    for number in range(parts):
        yield (
            Side(manifest=before, files=olds, part=(number, parts)),
            Side(manifest=after, files=news, part=(number, parts)),
        )
