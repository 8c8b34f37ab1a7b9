"""Files without some subjects' rows."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace

from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.changes.overlaying import needed
from towpath.assets.datasets.hashing import buckets_of
from towpath.assets.datasets.parquet import (
    EncodedFile,
    decode_file,
    delete_columns,
    encode_buckets,
    polars_schema,
    read_files,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_THREADS = 4
_PLACE = "__place"
_LAYER = "__layer"
_TOP = "__top"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A file that held some of the subjects.

    Attributes:
        removed: Their rows in it, with all columns that the file has.
        key: Which of those tell rows apart.
        replacement: What takes the file's place; None where nobody is left.
    """

    removed: pl.DataFrame
    key: tuple[str, ...]
    replacement: EncodedFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """A version without the subjects.

    Attributes:
        manifest: Its next manifest.
        gone: The rows that it loses: those of the subjects that lived in it.
        touched: Digests of its files that held them, largest first.
    """

    manifest: Manifest
    gone: pl.DataFrame
    touched: tuple[str, ...]


class Redaction:
    """Some subjects' absence from a data set's files.

    Every distinct file of their buckets is read once, and rewritten in memory if it holds one of them,
    however many versions share it, however many of them it holds, and however often it is asked for.
    """

    def __init__(self, blobs: BlobStore, subjects: Collection[str]) -> None:
        self._blobs = blobs
        self._subjects = pl.Series(sorted(subjects), dtype=pl.String)
        self._by_bucket: dict[int, dict[int, pl.Series]] = {}
        self._seen: dict[str, Redacted | None] = {}

    def read(self, versions: Iterable[Version]) -> None:
        """Read what has not been read yet of these versions' files."""
        unread: dict[str, tuple[Manifest, DataFile]] = {}
        for version in versions:
            manifest = manifest_of(self._blobs, version)
            for file in self._suspects(manifest):
                if file.digest not in self._seen:
                    unread.setdefault(file.digest, (manifest, file))
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="redact") as pool:
            redacted = pool.map(self._redact, unread.values())
            self._seen.update(zip(unread, redacted, strict=True))

    def holds(self, manifest: Manifest) -> bool:
        """Tell whether a version that was read holds one of the subjects, superseded or not."""
        return any(self._seen.get(file.digest) for file in manifest.files)

    def apply(self, manifest: Manifest) -> Without:
        """Return the version without the subjects.

        Rows that were superseded are no loss to the version, though they go as well. Nobody else's
        row is touched: whatever supersedes a row is an entry of the same subject.
        """
        entries = self._entries(manifest)
        older = pl.col(_LAYER) < pl.col(_TOP)
        is_row = pl.col(_PLACE).is_in(
            [place for place, file in enumerate(manifest.files) if file.role == "rows"]
        )
        superseded = dict(entries.filter(older & is_row).group_by(_PLACE).len().iter_rows())
        files: list[DataFile] = []
        touched: list[DataFile] = []
        for place, file in enumerate(manifest.files):
            redacted = self._seen.get(file.digest)
            if redacted is None:
                files.append(file)
                continue
            touched.append(file)
            if redacted.replacement is not None:
                entry = redacted.replacement.entry
                left = file.superseded - superseded.get(place, 0)
                files.append(replace(entry, layer=file.layer, role=file.role, superseded=left))
        rows = sorted((one for one in touched if one.role == "rows"), key=lambda one: -one.rows)
        return Without(
            manifest=manifest.with_files(needed(files)),
            gone=entries.filter(~older & is_row).select(polars_schema(manifest).names()),
            touched=tuple(one.digest for one in rows),
        )

    def _entries(self, manifest: Manifest) -> pl.DataFrame:
        """Return all the subjects' entries in a version, each with its layer and that of the newest.

        They alone tell which of their rows live, since nobody else's supersede them.
        """
        keys = list(manifest.key)
        schema = polars_schema(manifest)
        empty = pl.DataFrame(schema={**schema, _PLACE: pl.Int64, _LAYER: pl.Int64})
        parts = [
            redacted.removed.with_columns(
                pl.lit(place, pl.Int64).alias(_PLACE),
                pl.lit(file.layer, pl.Int64).alias(_LAYER),
            )
            for place, file in enumerate(manifest.files)
            if (redacted := self._seen.get(file.digest)) is not None
        ]
        entries = pl.concat([empty, *parts], how="diagonal")
        return entries.with_columns(pl.col(_LAYER).max().over(keys).alias(_TOP))

    def removed(self, manifest: Manifest) -> pl.DataFrame:
        """Return every row of the subjects in any file that was read, with a version's columns."""
        names = polars_schema(manifest)
        parts = [
            one.removed.select(name for name in one.removed.columns if name in names)
            for one in self._seen.values()
            if one is not None
        ]
        return pl.concat([pl.DataFrame(schema=names), *parts], how="diagonal").select(names.names())

    def left(self, manifest: Manifest, digest: str) -> pl.DataFrame:
        """Return everybody else's rows in a file that was rewritten, with a version's columns."""
        redacted = self._seen[digest]
        if redacted is None or redacted.replacement is None:
            return pl.DataFrame(schema=polars_schema(manifest))
        return decode_file(manifest, redacted.replacement.data)

    def within(self, manifests: list[Manifest]) -> tuple[int, int]:
        """Return how many distinct files of these versions hold the subjects, and how many keys go."""
        files = {file.digest for manifest in manifests for file in manifest.files}
        redacted = [one for digest in files if (one := self._seen.get(digest)) is not None]
        keys = (one.removed.select(one.key) for one in redacted)
        return len(redacted), pl.concat(keys, how="diagonal").n_unique() if redacted else 0

    def replacements(self) -> dict[str, memoryview]:
        """Return the bytes of every rewritten file by digest."""
        found = (one.replacement for one in self._seen.values() if one is not None)
        return {file.entry.digest: file.data for file in found if file is not None}

    def _suspects(self, manifest: Manifest) -> list[DataFile]:
        """Return the files of the subjects' buckets."""
        if manifest.subject is None:
            return []
        theirs = self._buckets(manifest.buckets)
        return [file for file in manifest.files if file.bucket in theirs]

    def _buckets(self, count: int) -> dict[int, pl.Series]:
        """Return the subjects of each bucket that has any, where there are `count` buckets."""
        if count not in self._by_bucket:
            found: defaultdict[int, list[str]] = defaultdict(list)
            for subject, bucket in zip(
                self._subjects.to_list(), buckets_of(self._subjects, count), strict=True
            ):
                found[int(bucket)].append(subject)
            self._by_bucket[count] = {
                bucket: pl.Series(some, dtype=pl.String) for bucket, some in found.items()
            }
        return self._by_bucket[count]

    def _redact(self, one: tuple[Manifest, DataFile]) -> Redacted | None:
        manifest, file = one
        assert manifest.subject is not None
        assert file.bucket is not None
        subjects = self._buckets(manifest.buckets)[file.bucket]
        columns = delete_columns(manifest) if file.role == "deletes" else None
        present = read_files(self._blobs, manifest, [file], columns=[manifest.subject])
        theirs = present[manifest.subject].is_in(subjects.implode()).fill_null(value=False)
        if not theirs.any():
            return None
        rows = read_files(self._blobs, manifest, [file], columns=columns)
        left = rows.filter(~theirs)
        encoded = encode_buckets(manifest, {file.bucket: left}, role=file.role)
        return Redacted(
            removed=rows.filter(theirs),
            key=manifest.key,
            replacement=encoded[0] if encoded else None,
        )
