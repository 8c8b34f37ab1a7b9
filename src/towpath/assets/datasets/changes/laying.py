"""Lays the pieces of a load over a version, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.changes.changing import appending, merging
from towpath.assets.datasets.changes.overlaying import lay
from towpath.assets.datasets.changes.profiling import load_profile, profile_files
from towpath.assets.datasets.parquet import read_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.assets.datasets.changes.changing import Change
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.assets.datasets.profiles import Profile
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """What became of the pieces.

    Attributes:
        manifest: The version's files after all of them.
        profile: Its profile.
        added_rows: Rows under keys that were not there.
        replaced_rows: Rows, stored or of an earlier piece, that other values took the place of.
        skipped_rows: Rows that were there already.
    """

    manifest: Manifest
    profile: Profile
    added_rows: int
    replaced_rows: int
    skipped_rows: int


class Laying:
    """Does what a commit per piece would do, for one version; memory holds a piece and what it meets.

    Args:
        blobs: Where files are read.
        dataset: The declaration.
        store: Writes files, before they are read again.
        merges: Whether a row takes the place of a stored one, instead of clashing with it.
    """

    def __init__(
        self,
        blobs: BlobStore,
        dataset: Dataset,
        store: Callable[[Sequence[memoryview]], object],
        *,
        merges: bool,
    ) -> None:
        self._blobs = blobs
        self._dataset = dataset
        self._store = store
        self._merges = merges

    def lay(
        self,
        latest: Version,
        manifest: Manifest,
        layout: Manifest,
        pieces: Sequence[list[DataFile]],
    ) -> Laid:
        """Lay pieces over a version.

        Args:
            latest: The version.
            manifest: Its files, under today's declaration.
            layout: What the pieces' files were written as.
            pieces: The files of each piece.

        Raises:
            SchemaViolation: A key is there with other values, and the load does not merge.
        """
        profile = load_profile(self._blobs, latest)
        names = [column.name for column in manifest.columns]
        keeps_bins = names == [column.name for column in profile.columns]
        added = replaced = given = 0
        for files in pieces:
            rows = read_files(self._blobs, layout, files)
            if self._merges:
                change = merging(self._blobs, manifest, rows)
            else:
                change = appending(self._blobs, self._dataset, manifest, rows, given=rows)
            manifest, new = lay(self._blobs, manifest, change)
            self._store([one.data for one in new])
            profile = _counted(profile, change) if keeps_bins else profile
            given += rows.height
            added += change.added.height
            replaced += change.replacing.height
        outgrown = profile.rows > 2 * profile.chosen_from
        worn = 2 * profile.removed > profile.chosen_from
        if not keeps_bins or outgrown or worn:
            profile = profile_files(self._blobs, manifest)
        return Laid(
            manifest=manifest,
            profile=profile,
            added_rows=added,
            replaced_rows=replaced,
            skipped_rows=given - added - replaced,
        )


def _counted(profile: Profile, change: Change) -> Profile:
    if not change.removed.is_empty():
        profile = profile.without(profile.recount(change.removed))
    return profile.merge(profile.recount(change.incoming, distinct=True))
