"""A file-set store on embedded parts, and on real servers; a folder of scans to add."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from towpath.assets.datasets import ParquetDatasetStore, Schema
from towpath.assets.filesets import AREA, BlobFileSetStore, FileSet
from towpath.core.clock import ManualClock
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.assets.filesets import Added
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring


class Scan(Schema):
    patient: str | None
    view: str | None
    label: str | None


scans = FileSet(
    "scans", attributes=Scan, pattern="{patient}/{view}.png", subject="patient", buckets=2
)
plain = FileSet("plain")


@dataclass
class FileHome:
    """A store, the parts it stands on, and a folder to add from."""

    folder: Path
    caches: Path
    ledger: Ledger
    blobs: BlobStore
    keyring: FileKeyring
    wall: ManualClock = field(default_factory=lambda: ManualClock(datetime.now(UTC)))
    scans: FileSet = scans
    plain: FileSet = plain

    @property
    def datasets(self) -> ParquetDatasetStore:
        return ParquetDatasetStore(self.ledger, self.blobs, self.keyring)

    @property
    def store(self) -> BlobFileSetStore:
        return BlobFileSetStore(
            self.ledger, self.blobs, self.keyring, self.datasets, self.caches, wall=self.wall
        )

    @property
    def area(self) -> BlobStore:
        return self.blobs.area(AREA)

    def write(self, files: dict[str, bytes]) -> None:
        """Put files in the folder."""
        for path, data in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(data)

    def settle(self) -> None:
        """Wait until the files' times are surely past: what is read now can be remembered."""
        written = [path.stat() for path in self.folder.rglob("*") if path.is_file()]
        newest = max(max(one.st_mtime_ns, one.st_ctime_ns) for one in written)
        deadline = time.monotonic() + 10
        while time.time_ns() < newest + 30_000_000:
            assert time.monotonic() < deadline

    def add(self, fileset: FileSet = scans, **options: object) -> Added:
        return self.store.add(fileset, self.folder, project="p", **options)

    def held(self, fileset: FileSet = scans, version: int | None = None) -> dict[str, bytes]:
        """Return the version's files, bytes and all."""
        ref = fileset.ref if version is None else fileset.ref.at(version)
        rows = self.store.read(ref).select("path", "bytes").collect()
        return dict(rows.iter_rows())

    def used(self) -> set[str]:
        """Return the digests that any version names."""
        found: set[str] = set()
        for name in ("scans", "plain"):
            for version in self.datasets.versions(name):
                found.update(self.datasets.scan(version.ref).collect()["digest"])
        return found

    def suppress(self, value: str, subject_field: str = "patient") -> int:
        """Do what a withdrawal does first; return its position."""
        with self.ledger.write() as tx:
            return tx.withdrawals.add(self.keyring.subject_hash(subject_field, value))

    def pass_time(self, span: timedelta = timedelta(minutes=1)) -> None:
        """Let whoever gave no sign of life meanwhile be dead."""
        self.wall.advance(span)


@pytest.fixture(
    params=["embedded", pytest.param("served", marks=[pytest.mark.postgres, pytest.mark.s3])]
)
def home(
    request: pytest.FixtureRequest, tmp_path: Path, keyring: FileKeyring
) -> Iterator[FileHome]:
    if request.param == "embedded":
        database_url, blobs = "sqlite_url", open_blobs(f"file://{tmp_path}/blobs")
    else:
        url = request.getfixturevalue("s3_url")
        database_url, blobs = "pg_url", open_blobs(url, cache_dir=tmp_path / "cache")
    database = open_database(request.getfixturevalue(database_url))
    folder = tmp_path / "raw"
    folder.mkdir()
    yield FileHome(
        folder=folder,
        caches=tmp_path / "stat",
        ledger=open_ledger(database, keyring),
        blobs=blobs,
        keyring=keyring,
    )
    database.close()


@pytest.fixture
def embedded(
    tmp_path: Path, sqlite_ledger: Ledger, disk_blobs: BlobStore, keyring: FileKeyring
) -> FileHome:
    folder = tmp_path / "raw"
    folder.mkdir()
    return FileHome(
        folder=folder,
        caches=tmp_path / "stat",
        ledger=sqlite_ledger,
        blobs=disk_blobs,
        keyring=keyring,
    )
