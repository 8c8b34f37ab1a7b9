"""Profiles the versions that an erasure touches, before their new files are in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from towpath.assets.datasets.layers import read_superseded
from towpath.assets.datasets.parquet import polars_schema, read_files
from towpath.assets.datasets.profiling import SAMPLE_ROWS, load_profile, profile_rows
from towpath.core.digests import digest_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.assets.datasets.profiles import Profile
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore


class Reprofiler:
    """Chooses bins anew from what is left, since a bin's edge was once somebody's value.

    Versions that shared bins share the new ones. Each distinct file is counted once per set of bins;
    what overlays supersede in it is counted once per set of overlays, and taken out. One file is in
    memory at a time, and a bounded sample of a version.

    Args:
        blobs: Where the files are that stay.
        fresh: Rewritten files by digest; they are not in the store before the erasure is announced.
    """

    def __init__(self, blobs: BlobStore, fresh: Mapping[str, memoryview]) -> None:
        self._blobs = blobs
        self._fresh = fresh
        self._bins: dict[str, Profile] = {}
        self._counted: dict[tuple[str, ...], Profile] = {}

    def profile(self, version: Version, manifest: Manifest) -> Profile:
        """Return the profile of a version's new content, given as a manifest of its files."""
        bins_id = digest_json(
            [
                (column.edges.tolist(), column.items)
                for column in load_profile(self._blobs, version).columns
            ]
        )
        if bins_id not in self._bins:
            bins = profile_rows(manifest, self._sample(manifest))
            self._bins[bins_id] = replace(bins, chosen_from=manifest.rows)
        bins = self._bins[bins_id]
        total = bins.recount(pl.DataFrame(schema=polars_schema(manifest)), distinct=True)
        for file in manifest.files:
            if file.live:
                total = total.merge(self._count(bins_id, bins, manifest, file))
        return replace(total, removed=0)

    def _count(self, bins_id: str, bins: Profile, manifest: Manifest, file: DataFile) -> Profile:
        known = self._counted.get((bins_id, file.digest))
        if known is None:
            known = bins.recount(self._read(manifest, file), distinct=True)
            self._counted[bins_id, file.digest] = known
        if not file.superseded:
            return known
        above = (f"{one.layer}:{one.digest}" for one in manifest.above([file]))
        place = (bins_id, file.digest, *above)
        gone = self._counted.get(place)
        if gone is None:
            gone = self._counted[place] = bins.recount(self._superseded(manifest, file))
        return known.without(gone)

    def _sample(self, manifest: Manifest) -> pl.DataFrame:
        """Return every n-th row of each file, in order; all rows of a version that is small."""
        stride = max(1, -(-manifest.rows // SAMPLE_ROWS))
        parts = [rows.gather_every(stride) for rows in self._live(manifest)]
        return pl.concat([pl.DataFrame(schema=polars_schema(manifest)), *parts])

    def _live(self, manifest: Manifest) -> Iterator[pl.DataFrame]:
        for file in manifest.files:
            if file.superseded and file.live:
                yield self._against_newer(manifest, file, how="anti")
            elif file.live:
                yield self._read(manifest, file)

    def _superseded(self, manifest: Manifest, file: DataFile) -> pl.DataFrame:
        involved = {one.digest for one in (file, *manifest.above([file]))}
        if involved.isdisjoint(self._fresh):
            return read_superseded(self._blobs, manifest, [file])
        return self._against_newer(manifest, file, how="semi")

    def _against_newer(
        self, manifest: Manifest, file: DataFile, *, how: Literal["anti", "semi"]
    ) -> pl.DataFrame:
        keys = list(manifest.key)
        newer = (self._read(manifest, one).select(keys) for one in manifest.above([file]))
        return self._read(manifest, file).join(pl.concat(newer), on=keys, how=how)

    def _read(self, manifest: Manifest, file: DataFile) -> pl.DataFrame:
        data = self._fresh.get(file.digest)
        if data is None:
            return read_files(self._blobs, manifest, [file])
        return pl.read_parquet(
            bytes(data), schema=polars_schema(manifest), missing_columns="insert"
        )
