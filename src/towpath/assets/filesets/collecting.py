"""Finds the bytes that no version of any file set uses, and deletes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import polars as pl
import structlog

from towpath.assets.datasets.catalogue import Catalogue, manifest_of
from towpath.assets.datasets.layers import read_live
from towpath.assets.filesets.contract import Collected
from towpath.assets.filesets.deleting import FileDeletionReconciler
from towpath.assets.filesets.marking import fileset_names
from towpath.assets.filesets.records import announced, bury, going, retire
from towpath.assets.filesets.statcache import forget_digests
from towpath.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from towpath.assets.datasets.manifest import Manifest
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.storage.blobs import BlobStore

_ATTEMPTS = 8
_THREADS = 8
_log = structlog.get_logger()


class Collector:
    """One collection after another; see `FileSetStore.collect`.

    Args:
        ledger: Where versions and adds are recorded.
        blobs: Where the rows of file sets are.
        files: The area with their bytes.
        caches: Folder of the stat caches.
        wall: Wall time, to tell living adds from dead ones.

    Attributes:
        deletion: Deletes what a collection has listed.
    """

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, files: BlobStore, *, caches: Path, wall: Clock
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._files = files
        self._caches = caches
        self._wall = wall
        self.deletion = FileDeletionReconciler(ledger, files)

    def collect(self, among: Iterable[str] | None = None, *, dry_run: bool = False) -> Collected:
        """Delete unused bytes: all there are, or those among some digests.

        Costs a list of the stored digests, and the `digest` column of each distinct file of rows.
        """
        for _ in range(_ATTEMPTS):
            with self._ledger.read() as tx:
                seen = [Catalogue.read(tx, name) for name in fileset_names(tx)]
                relied_on = announced(tx, wall=self._wall)
            orphans = set(
                self._files.walk() if among is None else filter(self._files.exists, among)
            )
            try:
                orphans = self._unused(seen, orphans - relied_on)
            except NotFound:
                continue  # an erasure or collection replaced rows that this was reading
            sizes = self._sizes(orphans)
            if dry_run:
                return _told(sizes)
            if orphans:
                with self._ledger.write() as tx:
                    if not _is_current(tx, seen):
                        continue
                    bury(tx, wall=self._wall)
                    orphans -= announced(tx, wall=self._wall)
                    retire(tx, sorted(orphans - going(tx)))
            # What a killed collection had listed goes as well: it is unused, or an add waits for it.
            self.deletion.finish()
            forget_digests(self._caches, orphans)
            found = _told({one: size for one, size in sizes.items() if one in orphans})
            _log.info("files.collected", blobs=found.blobs, size_bytes=found.size_bytes)
            return found
        raise Conflict(
            "file sets are committed to faster than unused bytes can be told apart",
            remedy="Collect again when fewer writers commit.",
        )

    def _unused(self, seen: list[Catalogue], orphans: set[str]) -> set[str]:
        """Return those that no row of any version names."""
        manifests = {
            version.body["manifest"]: manifest_of(self._blobs, version)
            for catalogue in seen
            for version in catalogue.versions
        }
        left = set(orphans)
        read: set[str] = set()
        # A file whose rows all live, in any version, settles its digests by itself, once.
        for manifest in manifests.values():
            whole = [one for one in manifest.files if one.live and not one.superseded]
            fresh = [one.digest for one in whole if one.digest not in read]
            if left and fresh:
                left -= self._named(manifest, fresh, left)
                read.update(fresh)
        # What is left is mostly unused; it might be a living row of a file that has dead ones too.
        for manifest in manifests.values():
            stained = [one.digest for one in manifest.files if one.live and one.superseded]
            if left and not read.issuperset(stained):
                left -= self._named(manifest, stained, left)
        return left

    def _named(self, manifest: Manifest, files: Iterable[str], digests: set[str]) -> set[str]:
        chosen = set(files)
        some = [one for one in manifest.files if one.digest in chosen]
        names = read_live(self._blobs, manifest, some, columns=["digest"])["digest"]
        return set(names.filter(names.is_in(pl.Series(list(digests), dtype=pl.String).implode())))

    def _sizes(self, digests: set[str]) -> dict[str, int]:
        def size_of(digest: str) -> int:
            try:
                return self._files.size_bytes(digest)
            except NotFound:  # somebody else is collecting as well
                return 0

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="measure") as pool:
            return dict(zip(digests, pool.map(size_of, digests), strict=True))


def _told(sizes: dict[str, int]) -> Collected:
    return Collected(blobs=len(sizes), size_bytes=sum(sizes.values()))


def _is_current(tx: Transaction, seen: list[Catalogue]) -> bool:
    names = [catalogue.dataset for catalogue in seen]
    return fileset_names(tx) == names and all(one.is_current(tx) for one in seen)
