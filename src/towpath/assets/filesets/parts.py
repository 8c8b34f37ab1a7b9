"""What a file-set store stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.filesets.statcache import StatCache

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.assets.datasets import DatasetStore
    from towpath.assets.filesets.collecting import Collector
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of an open home that file sets need.

    Attributes:
        blobs: The blob store, with the rows.
        files: The area of it that holds the bytes.
        caches: Folder of the stat caches.
        wall: Wall time.
    """

    ledger: Ledger
    datasets: DatasetStore
    blobs: BlobStore
    files: BlobStore
    keyring: Keyring
    collector: Collector
    caches: Path
    wall: Clock

    def open_cache(self, fileset: str, root: Path) -> StatCache:
        """Open the stat cache of a source folder; its secret is the home's."""
        secret = bytes.fromhex(self.keyring.subject_hash("file set", fileset))
        return StatCache(self.caches, fileset=fileset, root=root, secret=secret)
