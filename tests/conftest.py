"""Fixtures that every test may use: embedded stores at once, real servers on request.

`sqlite_ledger`, `disk_blobs` and `keyring` are the quick ones. `ledger` and `blobs` run a test over
every backend; a server that can't be started is a visible skip, and a failure where `CI` is set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.database import Database


@pytest.fixture
def keyring(tmp_path: Path) -> FileKeyring:
    return FileKeyring(tmp_path / "keys")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/towpath.db"


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    database = open_database(sqlite_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def sqlite_ledger(sqlite_database: Database, keyring: FileKeyring) -> Ledger:
    return open_ledger(sqlite_database, keyring)


@pytest.fixture
def disk_blobs(tmp_path: Path) -> BlobStore:
    return open_blobs(f"file://{tmp_path}/blobs")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("pg_url" if request.param == "postgresql" else "sqlite_url")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def ledger(database: Database, keyring: FileKeyring) -> Ledger:
    return open_ledger(database, keyring)


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.s3)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "disk":
        return request.getfixturevalue("disk_blobs")
    return open_blobs(request.getfixturevalue("s3_url"), cache_dir=tmp_path / "cache")


@pytest.fixture(scope="session")
def absent() -> Callable[[str], None]:
    """Skip, or fail in CI, because a server that the test needs can't be started."""

    def give_up(why: str) -> None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)

    return give_up
