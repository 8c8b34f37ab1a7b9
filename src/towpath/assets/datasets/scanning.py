"""Reads a version's rows with nothing but its manifest and the blob store."""

from __future__ import annotations

from contextlib import ExitStack
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

from towpath.assets.datasets.layers import scan_live
from towpath.assets.datasets.manifest import Manifest, decode
from towpath.assets.datasets.parquet import polars_schema
from towpath.core.clock import from_micros, to_micros
from towpath.core.digests import digest_json
from towpath.core.errors import NotFound, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from towpath.assets.datasets.manifest import DataFile
    from towpath.storage.blobs import BlobStore


Plan: TypeAlias = "tuple[Manifest, Sequence[DataFile]]"
Replan: TypeAlias = "Callable[[], Plan | None]"


def load_manifest(blobs: BlobStore, digest: str) -> Manifest:
    """Return the manifest that a blob holds; remembered, since a digest never changes meaning.

    Raises:
        NotFound: The blob is gone: an erasure replaced it.
        IntegrityError: The blob is not a manifest.
    """
    return _load(blobs, digest)


@lru_cache(maxsize=256)
def _load(blobs: BlobStore, digest: str) -> Manifest:
    return decode(blobs.get(digest), digest=digest)


def scan_manifest(
    blobs: BlobStore,
    digest: str,
    *,
    columns: list[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    part: tuple[int, int] | None = None,
    present: Callable[[], str] | None = None,
) -> pl.LazyFrame:
    """Return the rows of a manifest, or of one shard (index, count) of it, with `since` ≤ time < `until`, lazily.

    Files outside the window are never opened, but for overlays over files inside: a newer row outside
    the window still takes the place of an older one inside. The others are opened, verified and read
    when the frame is collected, with projection and filters pushed down into them. Rows come file by
    file, each in time order.

    Who begins to read after an erasure has replaced files is led to those that took their place, where
    `present` says what the version's manifest is now.

    Raises:
        NotFound: A column does not exist; or, on collect, an erasure replaced a file since, and
            `present` is not given.
        Unavailable: On collect: an erasure replaced a file after the first rows had been read.
        UsageError: A window is asked of a data set without a time column.
        CorruptBlob: On collect: a file's bytes are not what was written.
    """

    def planned(digest: str) -> Plan:
        manifest = load_manifest(blobs, digest).shard(part)
        return manifest, files_in(manifest, since, until)

    def replanning() -> Replan:
        known = digest

        def again() -> Plan | None:
            nonlocal known
            before, known = known, known if present is None else present()
            return None if known == before else planned(known)

        return again

    manifest, files = planned(digest)
    return scan_files(
        blobs, manifest, files, columns=columns, since=since, until=until, replanning=replanning
    )


def files_in(manifest: Manifest, since: datetime | None, until: datetime | None) -> list[DataFile]:
    """Return the files that may hold live rows with `since` ≤ time < `until`.

    Raises:
        UsageError: A window is asked of a data set without a time column.
    """
    _window(manifest, since, until)
    return manifest.overlapping(*_micros(since, until))


def scan_files(
    blobs: BlobStore,
    manifest: Manifest,
    files: Sequence[DataFile],
    *,
    columns: list[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    replanning: Callable[[], Replan] | None = None,
) -> pl.LazyFrame:
    """Return the live rows of some of a manifest's files; else as `scan_manifest`.

    Parts of a version that are read apart from each other add up to it. Where a file is gone,
    `replanning`, asked once for each reading, gives what says what to read instead.
    """
    schema = polars_schema(manifest)
    for name in columns or ():
        if name not in schema:
            raise NotFound.named("column", name, schema.names())
    window = _window(manifest, since, until)

    def batches(
        plan: Plan, wanted: list[str] | None, predicate: pl.Expr | None, rows: int | None
    ) -> Iterator[pl.DataFrame]:
        conditions = [one for one in (window, predicate) if one is not None]
        with ExitStack() as held:
            for live in scan_live(blobs, *plan, held):
                frame = live.filter(conditions) if conditions else live
                frame = frame if wanted is None else frame.select(wanted)
                frame = frame if rows is None else frame.head(rows)
                for batch in frame.collect_batches(maintain_order=True):
                    rows = None if rows is None else rows - batch.height
                    yield batch

    def read(
        wanted: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        empty = True
        asked = partial(batches, wanted=wanted, predicate=predicate, rows=rows)
        again = None if replanning is None else replanning()
        for batch in _led_on(asked, (manifest, files), again):
            empty = False
            yield batch
        if empty:
            yield pl.DataFrame(schema=schema).select(pl.all() if wanted is None else wanted)

    frame = register_io_source(read, schema=schema, is_pure=True)
    return frame if columns is None else frame.select(columns)


def _led_on(
    read: Callable[[Plan], Iterator[pl.DataFrame]], plan: Plan, again: Replan | None
) -> Iterator[pl.DataFrame]:
    """Read what was planned, or what has taken its place; never some of the one and some of the other."""
    while True:
        begun = False
        try:
            for batch in read(plan):
                begun = True
                yield batch
        except (NotFound, FileNotFoundError) as error:
            if begun:
                raise Unavailable(
                    "files were replaced by an erasure while they were read",
                    remedy="Read them again.",
                ) from error
            instead = None if again is None else again()
            if instead is None:
                raise
            plan = instead
        else:
            return


def selection_digest(
    manifest: Manifest, *, since: datetime | None = None, until: datetime | None = None
) -> str:
    """Return a digest of the rows that a window of a version selects.

    A bound that cuts nothing off doesn't count, nor do files outside: so a later version, or a later
    window, that selects the same files whole has the same digest. Overlays over a selected file count
    too.
    """
    first, last = _micros(since, until)
    files = manifest.overlapping(first, last)
    cuts_start = first is not None and any(
        file.time_min is None or file.time_min < first for file in files
    )
    cuts_end = last is not None and any(
        file.time_max is None or file.time_max >= last for file in files
    )
    above = manifest.above(files)
    layered = [*(file for file in files if file.superseded), *above]
    return digest_json(
        {
            "columns": manifest.columns,
            "files": [file.digest for file in files],
            "since": first if cuts_start else None,
            "until": last if cuts_end else None,
            **({"layers": [(file.digest, file.layer) for file in layered]} if layered else {}),
        }
    )


def _micros(*moments: datetime | None) -> list[int | None]:
    return [None if moment is None else to_micros(moment) for moment in moments]


def _window(manifest: Manifest, since: datetime | None, until: datetime | None) -> pl.Expr | None:
    if since is None and until is None:
        return None
    if manifest.time is None:
        raise UsageError(
            f"data set {manifest.dataset!r} has no time column to cut a window by",
            remedy="Read all of it, or declare Dataset(…, time='…').",
        )
    time = pl.col(manifest.time)
    bounds = [
        *([] if since is None else [time >= from_micros(to_micros(since))]),
        *([] if until is None else [time < from_micros(to_micros(until))]),
    ]
    return pl.all_horizontal(bounds)
