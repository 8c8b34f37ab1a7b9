"""Which bins a version's profile counts in, and how to count as few rows as possible anew."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from towpath.assets.datasets.layers import read_live, scan_live
from towpath.assets.datasets.parquet import polars_schema
from towpath.assets.datasets.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from towpath.assets.datasets.changes.changing import Change
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_Item = TypeVar("_Item")
_ROWS_AT_ONCE = 1 << 17
LEAST_COUNT = 5
SAMPLE_ROWS = 1 << 18
_STRETCHES_MOST = 64
_STRETCH_ROWS = 1 << 17


def profile_rows(manifest: Manifest, rows: pl.DataFrame, *, total: int | None = None) -> Profile:
    """Choose bins for a version's rows and count them; of `total` rows, where these are a sample.

    Personal columns, bytes, and a key of one column, are hidden. Where rows are about people, a value is
    listed and a bin cut only where at least five rows share it.
    """
    hidden = {column.name for column in manifest.columns if column.personal}
    keys = list(manifest.key if len(manifest.key) == 1 else ())
    keys += [column.name for column in manifest.columns if column.type == "binary"]
    least = 1 if manifest.subject is None else LEAST_COUNT
    return Profile.of(
        rows,
        hidden=hidden,
        keys=keys,
        least_count=least,
        told_apart_by=manifest.key,
        drawn_from=total,
    )


def profile_changed(blobs: BlobStore, before: Manifest, latest: Version, change: Change) -> Profile:
    """Take what goes out of the profile of the version before, and add what comes.

    Only the rows that change are counted, until the table has doubled since its bins were chosen, or
    half as many rows as there were then have gone: then bins are chosen and rows counted anew, so the
    whole cost stays proportional to the rows that ever changed.

    Args:
        blobs: Where files are.
        before: The version before, under today's declaration.
        latest: The same as a version.
        change: What the commit does to it.
    """
    profile = load_profile(blobs, latest)
    names = [column.name for column in before.columns]
    grown = profile.rows + change.incoming.height > 2 * profile.chosen_from
    worn = 2 * (profile.removed + change.removed.height) > profile.chosen_from
    if grown or worn or names != [column.name for column in profile.columns]:
        if change.incoming.height >= before.rows - change.removed.height:
            stayed = read_live(blobs, before).join(
                change.removed, on=list(before.key), how="anti", maintain_order="left"
            )
            return profile_rows(before, pl.concat([stayed, change.incoming]))
        profile = profile_files(blobs, before)
    if not change.removed.is_empty():
        profile = profile.without(profile.recount(change.removed))
    return profile.merge(profile.recount(change.incoming, distinct=True))


def profile_files(blobs: BlobStore, manifest: Manifest) -> Profile:
    """Choose bins for a version from a bounded sample of its rows, and count all of them in these.

    Files are read a few at a time, so memory does not grow with the version. The sample is the same each
    time: up to 64 stretches of a file, spread evenly over the files in order of time, thinned to a
    quarter of a million rows. Counts, means, spreads and distinct values are exact in those bins, as
    if all rows had been there to choose from; edges lie a fraction of a percent of the ranks off.
    """
    sample = _sample(blobs, manifest)
    if sample.height == manifest.rows:
        return profile_rows(manifest, sample)
    bins = profile_rows(manifest, sample, total=manifest.rows)
    return replace(_count_files(blobs, manifest, bins, manifest.files), chosen_from=manifest.rows)


def profile_grown(
    blobs: BlobStore, manifest: Manifest, latest: Version, added: Sequence[DataFile]
) -> Profile:
    """Add new files' rows to the profile of the version before, as `profile_changed` adds rows."""
    before = load_profile(blobs, latest)
    names = [column.name for column in manifest.columns]
    rows = before.rows + sum(file.rows for file in added)
    if rows > 2 * before.chosen_from or names != [column.name for column in before.columns]:
        return profile_files(blobs, manifest)
    return before.merge(_count_files(blobs, manifest, before, added))


def _count_files(
    blobs: BlobStore, manifest: Manifest, bins: Profile, files: Sequence[DataFile]
) -> Profile:
    total = bins.recount(_none(manifest), distinct=True)
    for batch in batches((file for file in files if file.live), rows=lambda file: file.rows):
        total = total.merge(bins.recount(read_live(blobs, manifest, batch), distinct=True))
    return total


def batches(items: Iterable[_Item], *, rows: Callable[[_Item], int]) -> Iterator[list[_Item]]:
    """Cut items into lists that have some 130,000 rows at most, or are one item."""
    held: list[_Item] = []
    height = 0
    for item in items:
        if held and height + rows(item) > _ROWS_AT_ONCE:
            yield held
            held, height = [], 0
        held.append(item)
        height += rows(item)
    if held:
        yield held


def _sample(blobs: BlobStore, manifest: Manifest) -> pl.DataFrame:
    holding = [file for file in manifest.files if file.live]
    in_time = sorted(holding, key=lambda file: (file.time_min or 0, file.digest))
    if manifest.rows <= SAMPLE_ROWS:
        return read_live(blobs, manifest)
    apart = -(-len(in_time) // _STRETCHES_MOST)
    chosen = in_time[::apart]
    stride = -(-sum(min(file.live, _STRETCH_ROWS) for file in chosen) // SAMPLE_ROWS)
    parts: list[pl.DataFrame] = []
    for place, file in enumerate(chosen):
        # Another stretch of each file, so that no part of a file's span of time is left out.
        begin = place * _STRETCH_ROWS % max(1, file.live - _STRETCH_ROWS + 1)
        with ExitStack() as held:
            rows = pl.concat(scan_live(blobs, manifest, [file], held))
            parts.append(rows.slice(begin, _STRETCH_ROWS).gather_every(stride).collect())
    return pl.concat(parts)


def encode_profile(manifest: Manifest, profile: Profile) -> bytes:
    """Return the profile's blob; it names its data set, so that no two data sets share one."""
    return profile.encode(of=f"dataset:{manifest.dataset}")


def load_profile(blobs: BlobStore, version: Version) -> Profile:
    """Return the profile of a version's current revision."""
    return Profile.decode(blobs.get(version.body["profile"]))


def _none(manifest: Manifest) -> pl.DataFrame:
    return pl.DataFrame(schema=polars_schema(manifest))
