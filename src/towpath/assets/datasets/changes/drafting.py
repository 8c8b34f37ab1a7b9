"""What a commit would write: the next version's files, manifest and profile, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.changes.appending import continued
from towpath.assets.datasets.changes.changing import Change, appending, deleting, merging
from towpath.assets.datasets.changes.overlaying import lay
from towpath.assets.datasets.changes.profiling import encode_profile, profile_changed, profile_rows
from towpath.assets.datasets.layers import read_live
from towpath.assets.datasets.manifest import Manifest, blank
from towpath.assets.datasets.parquet import EncodedFile, by_bucket, encode_buckets
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.datasets.contract import Mode
    from towpath.assets.datasets.declaration import Dataset
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version that is ready to be written.

    Attributes:
        manifest: Which files it has.
        new_files: Those of them that are not in the store yet.
        profile: The profile's bytes; None where rows and declaration are those of the latest version,
            so that there is nothing to write.
        added_rows: Rows under keys that were not there.
        replaced_rows: Stored rows that other values took the place of.
        deleted_rows: Stored rows that went.
        skipped_rows: Given rows that were there already, or keys to delete that were not.
    """

    manifest: Manifest
    new_files: list[EncodedFile]
    profile: bytes | None
    added_rows: int
    replaced_rows: int
    deleted_rows: int
    skipped_rows: int


class Drafter:
    """Drafts the next version of one data set from rows that were checked.

    Args:
        blobs: Where files are read; nothing is written.
        dataset: The declaration.
        mode: What the rows do to the version before.
        given: The rows as the caller numbers them; only keys, when deleting.
    """

    def __init__(self, blobs: BlobStore, dataset: Dataset, mode: Mode, given: pl.DataFrame) -> None:
        self._blobs = blobs
        self._dataset = dataset
        self._mode: Mode = mode
        self._given = given

    def draft(self, latest: Version | None, rows: pl.DataFrame) -> Draft:
        """Return the next version after `latest`, made with those of the rows that may be taken in.

        Raises:
            SchemaViolation: The declaration changed, or (append) a stored key comes with other values.
            NotFound: There is no version to delete from, or an erasure replaced a file meanwhile.
        """
        if latest is None and self._mode == "delete":
            raise NotFound(
                f"data set {self._dataset.name!r} has no version to delete rows from",
                remedy="Commit rows first.",
                dataset=self._dataset.name,
            )
        if latest is None or self._mode == "overwrite":
            return self._whole(latest, rows)
        before = manifest_of(self._blobs, latest)
        manifest = continued(self._dataset, before)
        change = self._change(manifest, rows)
        is_new = not change.is_empty or manifest != before
        after, files = lay(self._blobs, manifest, change)
        profile = profile_changed(self._blobs, manifest, latest, change) if is_new else None
        replaced = change.replacing.height
        return Draft(
            manifest=after,
            new_files=files,
            profile=None if profile is None else encode_profile(after, profile),
            added_rows=change.added.height,
            replaced_rows=replaced,
            deleted_rows=change.removed.height - replaced,
            skipped_rows=rows.height
            - (change.removed.height if self._mode == "delete" else change.incoming.height),
        )

    def _change(self, manifest: Manifest, rows: pl.DataFrame) -> Change:
        if self._mode == "delete":
            return deleting(self._blobs, manifest, rows)
        if self._mode == "merge":
            return merging(self._blobs, manifest, rows)
        return appending(self._blobs, self._dataset, manifest, rows, given=self._given)

    def _whole(self, latest: Version | None, rows: pl.DataFrame) -> Draft:
        """Draft a version of these rows alone."""
        bare = blank(self._dataset)
        files = encode_buckets(bare, by_bucket(bare, rows))
        manifest = bare.with_files([file.entry for file in files])
        before = None if latest is None else manifest_of(self._blobs, latest)
        is_new = before is None or not self._same(before, manifest, rows)
        return Draft(
            manifest=manifest,
            new_files=files,
            profile=encode_profile(manifest, profile_rows(manifest, rows)) if is_new else None,
            added_rows=rows.height,
            replaced_rows=0,
            deleted_rows=0 if before is None else before.rows,
            skipped_rows=0,
        )

    def _same(self, before: Manifest, after: Manifest, rows: pl.DataFrame) -> bool:
        """Tell whether a version holds these rows, however they are laid out in files."""
        if before == after:
            return True
        if before.with_files([]) != after.with_files([]) or before.rows != after.rows:
            return False
        order = list(after.key)
        return read_live(self._blobs, before).sort(order).equals(rows.sort(order))
