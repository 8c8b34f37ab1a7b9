"""Files without one subject's rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace

from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.changes.overlaying import needed
from towpath.assets.datasets.parquet import (
    EncodedFile,
    delete_columns,
    encode_buckets,
    read_files,
)

if TYPE_CHECKING:
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_THREADS = 4
_PLACE = "__place"
_LAYER = "__layer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A file that held the subject: the keys of what goes, and what takes the file's place, if any."""

    removed: pl.DataFrame
    replacement: EncodedFile | None


class Redaction:
    """One subject's absence from a data set's files.

    Every distinct file of the subject's bucket is read once, and rewritten in memory if it holds the
    subject, however many versions share it and however often it is asked for.
    """

    def __init__(self, blobs: BlobStore, subject: str) -> None:
        self._blobs = blobs
        self._subject = subject
        self._seen: dict[str, Redacted | None] = {}

    def read(self, versions: tuple[Version, ...]) -> None:
        """Read what has not been read yet of these versions' files."""
        unread = {
            file.digest: (manifest, file)
            for manifest in (manifest_of(self._blobs, version) for version in versions)
            for file in manifest.of_subject(self._subject)
            if file.digest not in self._seen
        }
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="redact") as pool:
            redacted = pool.map(self._redact, unread.values())
            self._seen.update(zip(unread, redacted, strict=True))

    def holds(self, manifest: Manifest) -> bool:
        """Tell whether a version that was read holds the subject, superseded or not."""
        return any(self._seen[file.digest] for file in manifest.of_subject(self._subject))

    def apply(self, manifest: Manifest) -> tuple[Manifest, int]:
        """Return the version's manifest without the subject, and how many rows it loses.

        Rows that were superseded are no loss to the version, though they go as well. Nobody else's
        row is touched: whatever supersedes a row is an entry of the same subject.
        """
        superseded = self._superseded(manifest)
        files: list[DataFile] = []
        for place, file in enumerate(manifest.files):
            redacted = self._seen.get(file.digest)
            if redacted is None:
                files.append(file)
            elif redacted.replacement is not None:
                entry = redacted.replacement.entry
                left = file.superseded - superseded.get(place, 0)
                files.append(replace(entry, layer=file.layer, role=file.role, superseded=left))
        without = manifest.with_files(needed(files))
        return without, manifest.rows - without.rows

    def _superseded(self, manifest: Manifest) -> dict[int, int]:
        """Return how many of the subject's rows in each of a version's files do not live.

        The subject's own entries tell, since nobody else's supersede them.
        """
        keys = list(manifest.key)
        parts = [
            redacted.removed.select(
                *keys,
                pl.lit(place, pl.Int64).alias(_PLACE),
                pl.lit(file.layer, pl.Int64).alias(_LAYER),
            )
            for place, file in enumerate(manifest.files)
            if (redacted := self._seen.get(file.digest)) is not None
        ]
        if not parts:
            return {}
        entries = pl.concat(parts)
        older = entries.filter(pl.col(_LAYER) < pl.col(_LAYER).max().over(keys))
        counts = dict(older.group_by(_PLACE).len().iter_rows())
        return {
            place: count for place, count in counts.items() if manifest.files[place].role == "rows"
        }

    def within(self, manifests: list[Manifest]) -> tuple[int, int]:
        """Return how many distinct files of these versions hold the subject, and how many keys go."""
        files = {file.digest for manifest in manifests for file in manifest.files}
        redacted = [one for digest in files if (one := self._seen.get(digest)) is not None]
        keys = pl.concat((one.removed for one in redacted), how="diagonal").n_unique()
        return len(redacted), keys

    def replacements(self) -> dict[str, memoryview]:
        """Return the bytes of every rewritten file by digest."""
        found = (one.replacement for one in self._seen.values() if one is not None)
        return {file.entry.digest: file.data for file in found if file is not None}

    def _redact(self, one: tuple[Manifest, DataFile]) -> Redacted | None:
        manifest, file = one
        assert manifest.subject is not None
        columns = delete_columns(manifest) if file.role == "deletes" else None
        present = read_files(self._blobs, manifest, [file], columns=[manifest.subject])
        theirs = (present[manifest.subject] == self._subject).fill_null(value=False)
        if not theirs.any():
            return None
        rows = read_files(self._blobs, manifest, [file], columns=columns)
        left = {file.bucket: rows.filter(~theirs)}
        encoded = encode_buckets(manifest, left, role=file.role)
        return Redacted(
            removed=rows.filter(theirs).select(manifest.key),
            replacement=encoded[0] if encoded else None,
        )
