"""Data and features on top of the seeded home, through the real stores: rules, lines, an ingest, views."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import numpy as np
import polars as pl

import towpath as tp
from towpath.app.applying import apply
from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.datasets.history import LedgerDatasetHistory
from towpath.assets.features import LayoutFeatureStore
from towpath.assets.features.online import FeatureViewReconciler, OnlineFeatureStore
from towpath.build.ingestion import IngestRunner
from towpath.core.refs import Ref
from towpath.storage.online import open_online

if TYPE_CHECKING:
    from pathlib import Path

    from seeded_home import SeededHome

PROJECT = "bookings"
AIRPORTS = ["EWR", "JFK", "LGA"]


class Booking(tp.Schema):
    booking_id: str
    booked: datetime
    passenger: str
    origin: Annotated[str, tp.Doc("where the journey begins")]
    seats: int | None
    fare: Annotated[float, tp.Doc("US dollars, all seats")]
    miles: float
    bags: float | None
    contact: str | None


class Observation(tp.Schema):
    observation_id: str
    origin: str
    observed: datetime
    known: datetime
    wind_speed: Annotated[float | None, tp.Doc("miles an hour")]
    visib: Annotated[float | None, tp.Doc("miles")]


bookings = tp.Dataset(
    "bookings",
    schema=Booking,
    key="booking_id",
    time="booked",
    subject="passenger",
    buckets=4,
    description="Seats sold from New York",
    rules=[
        tp.rules.Between("fare", least=0, most=6000, policy="quarantine"),
        tp.rules.OneOf("origin", AIRPORTS, policy="warn"),
        tp.rules.Present("seats", policy="warn", tolerance=0.05),
        tp.rules.RowCount(at_least=1),
    ],
)
observations = tp.Dataset(
    "airport-observations",
    schema=Observation,
    key="observation_id",
    time="observed",
    description="Weather at the three airports, each hour",
)
airport_weather = tp.FeatureView(
    "airport_weather",
    source=observations,
    entity="origin",
    time="observed",
    created="known",
    ttl="2h",
    features=["wind_speed", "visib"],
    owner="weather@example.org",
    description="What the weather is at an airport, as it was known.",
    tags={"domain": "weather", "tier": "gold"},
)
habits = tp.FeatureView(
    "passenger_habits",
    source=bookings,
    entity="passenger",
    time="booked",
    features=["fare", "miles", "bags"],
    owner="sales@example.org",
    description="What a passenger paid and took along last.",
    tags={"domain": "sales"},
    online=False,
)
fare_features = tp.FeatureService(
    "fare_features",
    views=[airport_weather, habits.lookup("fare", "bags", prefix="last_")],
    owner="sales@example.org",
    description="What the fare model is trained on and served with.",
)


def seed_data(home: SeededHome, folder: Path) -> None:
    """Let bookings and weather come in, go wrong here and there, and become features."""
    services = home.services
    source = folder / "incoming"
    source.mkdir()
    project = tp.Project(
        PROJECT,
        owner="sales@example.org",
        datasets=[bookings, observations],
        ingests=[
            tp.Ingest(
                observations, tp.sources.Files(str(source / "*.parquet")), every="1h", mode="merge"
            )
        ],
        features=[airport_weather, habits],
        feature_services=[fare_features],
    )
    apply(home.ledger, project, code=Ref("code", "flights", 1), environment="production")
    datasets = ParquetDatasetStore(home.ledger, home.blobs, services.keyring, clock=services.clock)
    history = LedgerDatasetHistory(home.ledger, home.blobs)
    _bookings(datasets, history)
    now = services.clock.now()
    _weather(now).write_parquet(source / "week.parquet")
    runner = IngestRunner(home.ledger, datasets, services.clock, folder=folder)
    runner.run(project.ingests[0], project=PROJECT)
    _features(home, folder)
    home.services = replace(services, history=history)


def _bookings(datasets: ParquetDatasetStore, history: LedgerDatasetHistory) -> None:
    rng = np.random.default_rng(12)
    first, more = _sold(rng, 0, 2_400), _sold(rng, 2_400, 500, dearer=40)
    datasets.commit(bookings, first, project=PROJECT)
    odd = more.with_row_index("n").with_columns(
        fare=pl.when(pl.col("n") < 9).then(-pl.col("fare")).otherwise(pl.col("fare")),
        origin=pl.when(pl.col("n") % 50 == 0).then(pl.lit("PHL")).otherwise(pl.col("origin")),
        seats=pl.when(pl.col("n") % 9 == 0).then(None).otherwise(pl.col("seats")),
    )
    datasets.commit(bookings, odd.drop("n"), project=PROJECT)
    history.tag(Ref("dataset", "bookings", 1), "golden")
    history.branch(Ref("dataset", "bookings", 2), "cheaper")
    lower = first.head(300).with_columns(fare=pl.col("fare") * 0.8)
    datasets.commit(bookings, lower, project=PROJECT, mode="merge", branch="cheaper")
    corrected = first.slice(500, 120).with_columns(
        fare=pl.col("fare") * 1.3, bags=pl.col("bags") + 1
    )
    datasets.commit(bookings, corrected, project=PROJECT, mode="merge")
    datasets.commit(
        bookings, first.select("booking_id").slice(900, 35), project=PROJECT, mode="delete"
    )


def _sold(rng: np.random.Generator, begin: int, rows: int, *, dearer: float = 0) -> pl.DataFrame:
    miles = rng.gamma(4, 300, rows)
    fare = 60 + 0.11 * miles + rng.normal(0, 25, rows).clip(-50) + dearer
    fare[rng.random(rows) < 0.012] *= 6
    bags = np.round(miles / 900 + rng.random(rows))
    people = rng.integers(0, rows // 3, rows)
    start = datetime(2013, 3, 1, tzinfo=UTC) + timedelta(minutes=11 * begin)
    return pl.DataFrame(
        {
            "booking_id": [f"b{begin + n:06}" for n in range(rows)],
            "booked": [start + timedelta(minutes=11 * n) for n in range(rows)],
            "passenger": [f"P{number:05}" for number in people],
            "origin": rng.choice(AIRPORTS, rows, p=[0.5, 0.3, 0.2]),
            "seats": rng.integers(1, 5, rows),
            "fare": np.round(fare, 2),
            "miles": np.round(miles, 1),
            "bags": np.where(rng.random(rows) < 0.08, np.nan, bags),
            "contact": [
                None if n % 5 else f"p{number}@example.org" for n, number in enumerate(people)
            ],
        }
    ).with_columns(pl.col("bags").fill_nan(None))


def _weather(now: datetime) -> pl.DataFrame:
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(hours=back) for back in range(1, 169)]
    rng = np.random.default_rng(8)
    observed = [at for at in hours for _ in AIRPORTS]
    return pl.DataFrame(
        {
            "observation_id": [f"{at:%Y%m%d%H}-{one}" for at in hours for one in AIRPORTS],
            "origin": AIRPORTS * len(hours),
            "observed": observed,
            "known": [at + timedelta(minutes=20) for at in observed],
            "wind_speed": np.round(rng.gamma(4, 2.6, len(observed)), 1),
            "visib": rng.integers(1, 11, len(observed)).astype(float),
        }
    )


def _features(home: SeededHome, folder: Path) -> None:
    services = home.services
    store = LayoutFeatureStore(home.ledger, home.blobs)
    for view in (airport_weather, habits):
        store.build(view, project=PROJECT)
    online = OnlineFeatureStore(
        home.ledger,
        store,
        open_online(f"lmdb://{folder}/online", namespace="seed"),
        services.keyring,
        services.clock,
        withdrawn=frozenset,
    )
    reconciler = FeatureViewReconciler(home.ledger, online, services.clock)
    for _ in range(3):
        with home.ledger.write() as tx:
            held = tx.intents.claim(reconciler.kinds, owner="seed", lease_s=60)
        if held is None:
            break
        reconciler.reconcile(held)
