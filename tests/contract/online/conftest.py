"""An online store on every backend, LMDB in a folder and a real Redis; and features over it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.features import FeatureView, LayoutFeatureStore
from towpath.assets.features.online import OnlineFeatureStore
from towpath.core.clock import ManualClock
from towpath.core.refs import Ref
from towpath.storage.online import open_online

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.assets.features.online import Materialized, Pushed
    from towpath.ledger import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import FileKeyring
    from towpath.storage.online import OnlineStore

START = datetime(2013, 1, 1, tzinfo=UTC)
PROJECT = "test"


@pytest.fixture(params=["lmdb", pytest.param("redis", marks=pytest.mark.redis)])
def online_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return f"lmdb://{tmp_path}/online"


@pytest.fixture
def online(online_url: str) -> Iterator[OnlineStore]:
    store = open_online(online_url)
    yield store
    store.close()


@pytest.fixture
def another(online_url: str) -> Iterator[OnlineStore]:
    """The same store, opened once more."""
    store = open_online(online_url)
    yield store
    store.close()


class Reading(Schema):
    """A measurement aboard an aeroplane; a correction comes later with the same `at`."""

    reading: str
    tailnum: str
    route: str
    at: datetime
    made: datetime | None
    heat: float | None
    note: str | None


class Desk:
    """A data set about aeroplanes, two views of it, and their features online.

    Readings are written as `("N1", 60, 20.5)`: an aeroplane, minutes since the start, heat; then, if
    need be, the minute when it was known, and a route.

    Attributes:
        view: By aeroplane, which is the subject; two hours to live.
        routes: By route, which readings of many aeroplanes describe.
    """

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: FileKeyring, store: OnlineStore
    ) -> None:
        self.ledger = ledger
        self.keyring = keyring
        self.store = store
        self.clock = ManualClock(START + timedelta(hours=10))
        self.datasets = ParquetDatasetStore(ledger, blobs, keyring)
        self.offline = LayoutFeatureStore(ledger, blobs)
        self.features = OnlineFeatureStore(
            ledger, self.offline, store, keyring, self.clock, withdrawn=self.withdrawn
        )
        self.source = Dataset(
            "readings", schema=Reading, key="reading", time="at", subject="tailnum", buckets=2
        )
        self.view = self.declare("planes", "tailnum", ttl="2h")
        self.routes = self.declare("routes", "route")

    def declare(self, name: str, entity: str, **options: Any) -> FeatureView:
        return FeatureView(
            name,
            source=self.source,
            entity=entity,
            time="at",
            created="made",
            features=["heat", "note"],
            **options,
        )

    def rows(self, *readings: tuple[Any, ...]) -> pl.DataFrame:
        rows = []
        for plane, minute, heat, *more in readings:
            made = more[0] if more else None
            route = more[1] if len(more) > 1 else "EWR-SFO"
            rows.append(
                {
                    "reading": f"{plane}/{minute}/{made}/{route}",
                    "tailnum": plane,
                    "route": route,
                    "at": START + timedelta(minutes=minute),
                    "made": None if made is None else START + timedelta(minutes=made),
                    "heat": heat,
                    "note": None if heat is None else f"heat of {plane}: {heat}",
                }
            )
        return pl.DataFrame(rows, schema=Reading.polars_schema())

    def commit(self, *readings: tuple[Any, ...], mode: Any = "append") -> Version:
        return self.datasets.commit(self.source, self.rows(*readings), project=PROJECT, mode=mode)

    def materialize(self, view: FeatureView | None = None, **options: Any) -> Materialized:
        return self.features.materialize(view or self.view, project=PROJECT, **options)

    def push(self, *readings: tuple[Any, ...], view: FeatureView | None = None) -> Pushed:
        return self.features.push(view or self.view, self.rows(*readings), project=PROJECT)

    def heats(self, *entities: str, view: FeatureView | None = None) -> list[float | None]:
        asked = view or self.view
        found = self.features.get(asked, {asked.entity_columns[0]: list(entities)})
        return found.to_dict()["heat"]

    def withdrawn(self) -> frozenset[str]:
        with self.ledger.read() as tx:
            return tx.withdrawals.subjects()

    def withdraw(self, plane: str) -> None:
        """Do what an erasure does before it comes to the online rows."""
        hashed = self.keyring.subject_hash("tailnum", plane)
        with self.ledger.write() as tx:
            tx.withdrawals.add(hashed)

    def redact(self, plane: str) -> None:
        """Take the aeroplane's rows out of the source and of the layouts."""
        erased = self.datasets.erase(plane, "readings")
        self.offline.purge([one.ref for one in erased.versions] or [Ref("dataset", "readings")])


@pytest.fixture
def desk(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, keyring: FileKeyring, online: OnlineStore
) -> Desk:
    return Desk(sqlite_ledger, disk_blobs, keyring, online)
