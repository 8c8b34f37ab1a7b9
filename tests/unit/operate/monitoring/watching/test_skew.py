"""What was decided on, beside what training would have been given, with a real feature store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.features import FeatureService, FeatureView, LayoutFeatureStore
from towpath.assets.features.online import declared
from towpath.operate.monitoring import Skew
from towpath.operate.monitoring.reconciler import MonitorReconciler
from towpath.operate.monitoring.watchers import standard_watchers
from towpath.operate.monitoring.watching.skew import differing

if TYPE_CHECKING:
    from towpath.storage.keys import FileKeyring

BEFORE = datetime(2013, 2, 28, tzinfo=UTC)


class Report(Schema):
    """A station's wind."""

    report: int
    origin: str
    seen: datetime
    wind: float


SOURCE = Dataset("weather", schema=Report, key="report", time="seen")
VIEW = FeatureView("weather", source=SOURCE, entity="origin", time="seen", features=["wind"])
BOARD = FeatureService("board", views=[VIEW])


@pytest.fixture
def stations(watched: Any, keyring: FileKeyring) -> Any:
    """Ten stations that report each day, and a monitor's reconciler that can look them up."""
    made = watched.production
    days = [
        {
            "report": 10 * day + station,
            "origin": f"s{station}",
            "seen": BEFORE + timedelta(days=day),
            "wind": float(station) / 5 + day / 10,
        }
        for day in range(3)
        for station in range(10)
    ]
    features = LayoutFeatureStore(made.ledger, made.blobs)
    rows = pl.DataFrame(days, schema=Report.polars_schema())
    ParquetDatasetStore(made.ledger, made.blobs, keyring).commit(SOURCE, rows, project="flights")
    features.build(VIEW, project="flights")
    with made.ledger.write() as tx:
        features.register(tx, BOARD, project="flights")
        spec = declared(VIEW, project="flights").to_spec()
        tx.intents.put("feature_view", "weather", project="flights", spec=spec, due=False)
    watched.reconciler = MonitorReconciler(
        made.ledger,
        made.blobs,
        made.decisions,
        made.releases,
        made.clock,
        watchers=standard_watchers(made.ledger, features),
    )
    return watched


def served(watched: Any, *, stale: float) -> pl.DataFrame:
    """The first day's requests, with the wind of that day or, for some, of the day before."""
    rows = watched.rows(300)
    station = watched.rng.integers(0, 10, 300)
    old = watched.rng.random(300) < stale
    wind = station / 5 + np.where(old, 0, 1) / 10
    return rows.with_columns(wind=pl.Series(wind), origin=pl.Series([f"s{one}" for one in station]))


def test_features_as_they_were_known_at_each_decision_are_no_skew(stations: Any):
    stations.watch(Skew("board"))
    stations.day(served(stations, stale=0.0))
    row = stations.judge()
    assert stations.measured(row)["skew.wind"] == 0
    assert stations.alerts() == []


def test_stale_features_are_named_with_their_share(stations: Any):
    stations.watch(Skew("board"))
    stations.day(served(stations, stale=0.2))
    row = stations.judge()
    share = stations.measured(row)["skew.wind"]
    assert share == pytest.approx(0.2, abs=0.07)
    (alert,) = stations.alerts()
    assert [one["name"] for one in alert.spec["features"]] == ["wind"]


def test_entities_that_nobody_recorded_leave_nothing_to_judge(stations: Any):
    stations.watch(Skew("board", entities={"origin": "key"}))
    stations.day(served(stations, stale=0.2))
    row = stations.judge()
    assert row.status["windows"][0]["judged"] is False


def test_what_differs():
    served_, offline = pl.Series([1.0, 1.0, None, None]), pl.Series([1.0 + 1e-9, 1.1, None, 2.0])
    assert differing(served_, offline, 1e-6).tolist() == [False, True, False, True]
    words = differing(pl.Series(["a", "b", None]), pl.Series(["a", "c", None]), 1e-6)
    assert words.tolist() == [False, True, False]
