"""Profiles the versions that an erasure touches, before their new files are in the store.

Where little of a version goes, its profile forgets it, which costs what goes. Where much goes, or what
goes was much of what the bins were chosen from, they are chosen anew from what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from towpath.assets.datasets.changes.profiling import LEAST_COUNT, load_profile
from towpath.assets.datasets.erasures.recounting import Recounting
from towpath.assets.datasets.parquet import polars_schema
from towpath.assets.datasets.profiles.forgetting import Witnesses, forget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.erasures.redaction import Redaction, Without
    from towpath.assets.datasets.manifest import Manifest
    from towpath.assets.datasets.profiles import Profile
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_FORGOTTEN_MOST = 1 / 20


class Reprofiler:
    """Profiles versions without some subjects. See this module, `profiles.forgetting` and `Recounting`.

    Args:
        blobs: Where the files are that stay.
        redaction: Who goes, and the files that are written for it.
    """

    def __init__(self, blobs: BlobStore, redaction: Redaction) -> None:
        self._blobs = blobs
        self._redaction = redaction
        self._recounting = Recounting(blobs, redaction.replacements())
        self._theirs: dict[tuple[str, ...], Witnesses] = {}
        self._beside: dict[tuple[str, ...], Witnesses] = {}
        self._last: tuple[Profile, pl.DataFrame, Profile] | None = None

    def profile(self, version: Version, without: Without) -> Profile:
        """Return the profile of a version's new content."""
        stored = load_profile(self._blobs, version)
        manifest = without.manifest
        names = tuple(column.name for column in manifest.columns)
        if names not in self._theirs:
            self._theirs[names] = Witnesses(self._redaction.removed(manifest))
        theirs = self._theirs[names]
        if (
            theirs.rows.height > _FORGOTTEN_MOST * min(stored.rows, stored.chosen_from)
            or 2 * manifest.rows < stored.chosen_from
        ):
            return self._recounting.profile(stored, manifest)
        return forget(
            stored,
            without.gone,
            theirs=theirs,
            beside=self._witnesses(manifest, without.touched),
            least_count=LEAST_COUNT,
            recounted=self._recount,
        )

    def _witnesses(self, manifest: Manifest, touched: Sequence[str]) -> Witnesses:
        """Return those beside the subjects in the largest of a version's files that held them."""
        place = (*touched[:1], *(column.name for column in manifest.columns))
        if place not in self._beside:
            rows = pl.DataFrame(schema=polars_schema(manifest))
            if touched:
                rows = self._redaction.left(manifest, touched[0])
            self._beside[place] = Witnesses(rows)
        return self._beside[place]

    def _recount(self, bins: Profile, rows: pl.DataFrame) -> Profile:
        """Count rows; most often they are those that the version before lost, too."""
        if self._last is not None:
            before, same, counted = self._last
            if bins.has_bins_of(before) and rows.equals(same):
                return counted
        counted = bins.recount(rows)
        self._last = (bins, rows, counted)
        return counted
