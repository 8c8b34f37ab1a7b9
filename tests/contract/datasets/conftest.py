"""A data-set store on embedded parts, and on real servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring


@dataclass
class Home:
    """A store and the parts it stands on."""

    store: ParquetDatasetStore
    ledger: Ledger
    blobs: BlobStore
    keyring: FileKeyring

    def suppress(self, value: str, field: str = "rider") -> None:
        """Do what a withdrawal does first."""
        with self.ledger.write() as tx:
            tx.withdrawals.add(self.keyring.subject_hash(field, value))


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("served", marks=[pytest.mark.postgres, pytest.mark.s3]),
    ]
)
def home(request: pytest.FixtureRequest, tmp_path: Path, keyring: FileKeyring) -> Iterator[Home]:
    if request.param == "embedded":
        database_url, blobs = "sqlite_url", open_blobs(f"file://{tmp_path}/blobs")
    else:
        url = request.getfixturevalue("s3_url")
        database_url, blobs = "pg_url", open_blobs(url, cache_dir=tmp_path / "cache")
    database = open_database(request.getfixturevalue(database_url))
    database.migrate()
    ledger = open_ledger(database, keyring)
    yield Home(ParquetDatasetStore(ledger, blobs, keyring), ledger, blobs, keyring)
    database.close()


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """Start a Ray of this test run's own, on this machine."""
    import ray
    import ray.data

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        configure_logging=False,
        log_to_driver=False,
        object_store_memory=80 * 1024 * 1024,
    )
    yield ray
    ray.shutdown()
