"""Chooses the bins of versions' profiles anew, and counts as few rows as possible in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from towpath.assets.datasets.changes.profiling import (
    SAMPLE_ROWS,
    batches,
    profile_rows,
)
from towpath.assets.datasets.layers import read_superseded
from towpath.assets.datasets.parquet import decode_file, polars_schema, read_files
from towpath.core.digests import digest_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.assets.datasets.profiles import Profile
    from towpath.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A file of some version: the rows that it adds, or those of it that newer files take out.

    Attributes:
        manifest: The version.
        file: The file.
        superseded: Whether it stands for what is taken out.
    """

    manifest: Manifest
    file: DataFile
    superseded: bool

    @property
    def place(self) -> tuple[str, ...]:
        """What identifies these rows over all versions."""
        above = self.manifest.above([self.file]) if self.superseded else ()
        return (self.file.digest, *(f"{one.layer}:{one.digest}" for one in above))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What was counted last in some bins.

    Attributes:
        parts: What makes the version.
        total: Its profile.
    """

    parts: Mapping[tuple[str, ...], _Part]
    total: Profile


class Recounting:
    """Chooses bins anew from what is left, since a bin's edge was once somebody's value.

    Versions that shared bins share the new ones. The first of them is counted whole, and of each later
    one what sets it apart from the one before, as commits do it. Some 130,000 rows are in memory at a
    time, or one file, and a bounded sample of a version.

    Args:
        blobs: Where the files are that stay.
        fresh: Rewritten files by digest; they are not in the store before the erasure is announced.
    """

    def __init__(self, blobs: BlobStore, fresh: Mapping[str, memoryview]) -> None:
        self._blobs = blobs
        self._fresh = fresh
        self._bins: dict[str, Profile] = {}
        self._counted: dict[str, _Counted] = {}

    def profile(self, stored: Profile, manifest: Manifest) -> Profile:
        """Return the profile of a version's new content.

        Args:
            stored: The profile of its content so far.
            manifest: The files of the new.
        """
        bins_id = digest_json([(column.edges.tolist(), column.items) for column in stored.columns])
        if bins_id not in self._bins:
            bins = profile_rows(manifest, self._sample(manifest))
            self._bins[bins_id] = replace(bins, chosen_from=manifest.rows)
        bins = self._bins[bins_id]
        parts = _parts(manifest)
        before = self._counted.get(bins_id) or _nothing(manifest, bins)
        fresh = [part for place, part in parts.items() if place not in before.parts]
        gone = [part for place, part in before.parts.items() if place not in parts]
        if _height(fresh) + _height(gone) > _height(parts.values()):
            before, fresh, gone = _nothing(manifest, bins), [*parts.values()], []
        total = before.total
        # What comes before what goes, so that no count is below zero on the way.
        for counts in self._counts(bins, fresh, gone, comes=True):
            total = total.merge(counts)
        for counts in self._counts(bins, fresh, gone, comes=False):
            total = total.without(counts)
        # Which wears bins out is what was taken away from version to version, not how it was counted here.
        total = replace(total, removed=stored.removed)
        self._counted[bins_id] = _Counted(parts=parts, total=total)
        return total

    def _counts(
        self, bins: Profile, fresh: Sequence[_Part], gone: Sequence[_Part], *, comes: bool
    ) -> Iterator[Profile]:
        """Count the rows that come with these changes, or those that go, a bounded number at once."""
        some = [
            *(part for part in fresh if part.superseded != comes),
            *(part for part in gone if part.superseded == comes),
        ]
        for batch in batches(some, rows=lambda part: part.file.rows):
            yield bins.recount(pl.concat(map(self._rows, batch)), distinct=comes)

    def _rows(self, part: _Part) -> pl.DataFrame:
        read = self._superseded if part.superseded else self._read
        return read(part.manifest, part.file)

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
        return decode_file(manifest, data)


def _nothing(manifest: Manifest, bins: Profile) -> _Counted:
    empty = pl.DataFrame(schema=polars_schema(manifest))
    return _Counted(parts={}, total=bins.recount(empty, distinct=True))


def _parts(manifest: Manifest) -> dict[tuple[str, ...], _Part]:
    found = (
        _Part(manifest=manifest, file=file, superseded=superseded)
        for file in manifest.files
        if file.live
        for superseded in ((False, True) if file.superseded else (False,))
    )
    return {part.place: part for part in found}


def _height(parts: Iterable[_Part]) -> int:
    return sum(part.file.rows for part in parts)
