"""A feature store and its data sets, on embedded parts and on real servers."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.features import FeatureView, LayoutFeatureStore
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring

START = datetime(2026, 1, 1, tzinfo=UTC)


class Reading(Schema):
    """One reading of a rider's pulse; `noted` is when it was written down."""

    reading: int
    rider: str
    lap: int
    at: datetime
    noted: datetime | None
    pulse: float | None
    place: str


@dataclass(kw_only=True)
class Home:
    """A store and the parts it stands on."""

    features: LayoutFeatureStore
    datasets: ParquetDatasetStore
    ledger: Ledger
    blobs: BlobStore
    keyring: FileKeyring

    def dataset(self, name: str = "") -> Dataset:
        """Return a data set of a name that no other test has."""
        return Dataset(
            name or f"readings-{secrets.token_hex(4)}",
            schema=Reading,
            key="reading",
            time="at",
            subject="rider",
            buckets=2,
        )

    def view(self, source: Dataset, **changes: Any) -> FeatureView:
        values = {"entity": "rider", "time": "at", "features": ["pulse", "place"]}
        return FeatureView(f"pulse-of-{source.name}", source=source, **(values | changes))

    def commit(self, source: Dataset, rows: pl.DataFrame, mode: Any = "append") -> Version:
        return self.datasets.commit(source, rows, project="races", mode=mode)

    def layout_files(self) -> dict[str, bytes]:
        """Return every file of every layout that is stored."""
        area = self.blobs.area("features")
        return {digest: area.get(digest) for digest in area.walk()}

    @staticmethod
    def readings(*rows: tuple[int, str, int, int | None]) -> pl.DataFrame:
        """Return readings: number, rider, minute, and minute it was noted in."""
        return pl.DataFrame(
            [
                {
                    "reading": number,
                    "rider": rider,
                    "lap": number % 3,
                    "at": START + timedelta(minutes=at),
                    "noted": None if noted is None else START + timedelta(minutes=noted),
                    "pulse": float(number),
                    "place": f"km {number}",
                }
                for number, rider, at, noted in rows
            ],
            schema=Reading.polars_schema(),
        )

    @staticmethod
    def askers(*rows: tuple[str | None, int | None]) -> pl.DataFrame:
        """Return rows that ask: rider, and minute."""
        data = [(who, None if at is None else START + timedelta(minutes=at)) for who, at in rows]
        schema = {"rider": pl.String, "when": pl.Datetime("us", "UTC")}
        return pl.DataFrame(data, schema=schema, orient="row")


@contextmanager
def opened(database_url: str, blobs: BlobStore, keyring: FileKeyring) -> Iterator[Home]:
    database = open_database(database_url)
    database.migrate()
    ledger = open_ledger(database, keyring)
    yield Home(
        features=LayoutFeatureStore(ledger, blobs),
        datasets=ParquetDatasetStore(ledger, blobs, keyring),
        ledger=ledger,
        blobs=blobs,
        keyring=keyring,
    )
    database.close()


@pytest.fixture
def embedded_home(tmp_path: Path, sqlite_url: str, keyring: FileKeyring) -> Iterator[Home]:
    with opened(sqlite_url, open_blobs(f"file://{tmp_path}/blobs"), keyring) as home:
        yield home


@pytest.fixture
def served_home(tmp_path: Path, pg_url: str, s3_url: str, keyring: FileKeyring) -> Iterator[Home]:
    with opened(pg_url, open_blobs(s3_url, cache_dir=tmp_path / "cache"), keyring) as home:
        yield home


@pytest.fixture(
    params=["embedded", pytest.param("served", marks=[pytest.mark.postgres, pytest.mark.s3])]
)
def home(request: pytest.FixtureRequest) -> Home:
    return request.getfixturevalue(f"{request.param}_home")
