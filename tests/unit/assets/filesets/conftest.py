"""A file-set store on embedded parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.filesets import BlobFileSetStore

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring


@dataclass
class Parts:
    """A store, and what it stands on."""

    store: BlobFileSetStore
    datasets: ParquetDatasetStore
    ledger: Ledger
    blobs: BlobStore
    keyring: FileKeyring


@pytest.fixture
def parts(
    tmp_path: Path, sqlite_ledger: Ledger, disk_blobs: BlobStore, keyring: FileKeyring
) -> Parts:
    datasets = ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring)
    store = BlobFileSetStore(sqlite_ledger, disk_blobs, keyring, datasets, tmp_path / "stat")
    return Parts(store, datasets, sqlite_ledger, disk_blobs, keyring)
