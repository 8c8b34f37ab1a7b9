"""Monitors judge each window of event time once, whatever happens to them in between."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from towpath.core.errors import FenceLost
from towpath.operate.monitoring import Drift, Performance
from towpath.operate.monitoring.reconciler import MonitorReconciler


@pytest.fixture
def reconciler(production: Any) -> MonitorReconciler:
    return MonitorReconciler(
        production.ledger,
        production.blobs,
        production.decisions,
        production.releases,
        production.clock,
    )


def watch(production: Any, monitor: Drift | Performance) -> str:
    name = f"board.{monitor.name}"
    fields = dataclasses.asdict(monitor)
    production.put("monitor", name, kind=monitor.kind, **fields)
    return name


def alerts(production: Any) -> list[Any]:
    with production.ledger.read() as tx:
        return tx.intents.list("alert")


def test_quiet_traffic_raises_no_alarm_and_every_window_is_on_record(
    production: Any, reconciler: MonitorReconciler
):
    model = production.model()
    production.deploy(model)
    watch(production, Drift())
    for _ in range(4):
        production.serve(150)
    production.clock.advance(timedelta(hours=1))
    row = production.step(reconciler)
    assert row.phase == "watching"
    assert row.status["watermark"].startswith("2013-03-05T00:00:00")
    assert [window["rows"] for window in row.status["windows"]] == [150] * 4
    assert alerts(production) == []
    with production.ledger.read() as tx:
        run = tx.runs.get(row.status["run"])
        history = tx.runs.history(run.id, "distance.wind")
        assert model.ref in tx.graph.trace(run.ref).nodes
    assert [point.at.day for point in history] == [2, 3, 4, 5]
    assert history[1].step == history[0].step + 1
    assert {"distance.prediction", "p.load", "rows", "score"} <= run.metrics.keys()


def test_drift_names_the_feature_and_wakes_the_trigger(
    production: Any, reconciler: MonitorReconciler
):
    production.deploy(production.model())
    name = watch(production, Drift())
    production.put("trigger", "flights.retrain", on=["drift"])
    with production.ledger.write() as tx:
        held = tx.intents.claim(["trigger"], owner="test", lease_s=60)
        tx.intents.advance(held)
    for _ in range(3):
        production.serve(200, shift=1.5)
    production.clock.advance(timedelta(hours=1))
    production.step(reconciler)
    alert, *_ = alerts(production)
    assert alert.spec["monitor"] == name
    assert alert.spec["kind"] == "drift"
    assert alert.spec["model"] == "model:late@1"
    blamed = [feature["name"] for feature in alert.spec["features"]]
    assert "wind" in blamed
    assert "load" not in blamed
    assert "wind: median from" in alert.spec["summary"]
    wind = alert.spec["features"][blamed.index("wind")]
    assert wind["before"] == pytest.approx(0.0, abs=0.1)
    assert wind["after"] == pytest.approx(1.5, abs=0.35)
    assert wind["since"].startswith("2013-03-01T00:00:00")
    with production.ledger.read() as tx:
        raised = tx.events.read(types=["alert.raised"])
        assert tx.intents.get("trigger", "flights.retrain").due_at is not None
    assert [event.payload["alert"] for event in raised] == [one.name for one in alerts(production)]


def test_only_the_named_features_and_the_prediction_are_watched(
    production: Any, reconciler: MonitorReconciler
):
    production.deploy(production.model())
    watch(production, Drift(features=["load"]))
    production.serve(200)
    production.clock.advance(timedelta(hours=1))
    row = production.step(reconciler)
    with production.ledger.read() as tx:
        measured = tx.runs.get(row.status["run"]).metrics
    assert {"distance.load", "distance.prediction"} <= measured.keys()
    assert row.status["windows"][0]["basis"].startswith("compared with 4 Fridays")
    assert "distance.wind" not in measured


def test_lost_quality_is_noticed_when_labels_have_matured(
    production: Any, reconciler: MonitorReconciler
):
    production.deploy(production.model())
    watch(production, Performance("log_loss", maturity="12h"))
    production.serve(300, contrary=True)
    assert production.step(reconciler).status["seen"] == 0
    production.serve(300, contrary=True)
    assert production.step(reconciler).status["seen"] == 1
    production.serve(300, contrary=True)
    production.clock.advance(timedelta(days=1))
    assert production.step(reconciler).status["seen"] == 3
    alert, *_ = alerts(production)
    assert [feature["name"] for feature in alert.spec["features"]] == ["log_loss"]
    assert alert.spec["at"].endswith("T12:00:00+00:00")
    assert "promised" in alert.spec["summary"]


def test_quality_as_promised_raises_no_alarm(production: Any, reconciler: MonitorReconciler):
    production.deploy(production.model())
    watch(production, Performance("log_loss", maturity="6h"))
    for _ in range(5):
        production.serve(300)
    production.clock.advance(timedelta(hours=12))
    row = production.step(reconciler)
    assert row.status["seen"] == 5
    assert all(window["judged"] for window in row.status["windows"])
    assert alerts(production) == []


def test_a_threshold_alarms_at_once_and_without_detectors(
    production: Any, reconciler: MonitorReconciler
):
    production.deploy(production.model())
    watch(production, Drift(numbers="psi", threshold=0.25))
    production.serve(300)
    production.serve(300, shift=1.5)
    production.clock.advance(timedelta(hours=1))
    row = production.step(reconciler)
    assert [window["alarm"] for window in row.status["windows"]] == [False, True]
    assert row.status["levels"] == {}
    (alert,) = alerts(production)
    assert alert.spec["features"][0]["statistic"] == "psi"
    assert alert.spec["features"][0]["value"] > 0.25


def test_quarters_of_a_day_are_judged_too(production: Any, reconciler: MonitorReconciler):
    production.deploy(production.model())
    watch(production, Drift(window="6h", min_rows=40))
    production.serve(400, hours=48)
    production.clock.advance(timedelta(hours=1))
    row = production.step(reconciler)
    windows = row.status["windows"]
    assert [window["rows"] for window in windows] == [50] * 8
    assert all("06:00 to 12:00 UTC" in window["basis"] for window in windows[1::4])


def test_a_reference_that_can_not_be_read_blinds_the_monitor_and_says_so(
    production: Any, reconciler: MonitorReconciler
):
    model = production.model(reference=b"from an older program")
    production.deploy(model)
    watch(production, Drift())
    row = production.step(reconciler)
    assert row.phase == "waiting"
    assert "does not parse" in row.status["blind"]


def test_empty_windows_are_passed_over(production: Any, reconciler: MonitorReconciler):
    production.deploy(production.model())
    watch(production, Drift())
    production.serve(150)
    production.clock.advance(timedelta(days=40))
    row = production.step(reconciler, times=2)
    assert row.status["seen"] == 40
    assert [window["judged"] for window in row.status["windows"]] == [True] + [False] * 39


def test_before_the_first_deployment_it_waits(production: Any, reconciler: MonitorReconciler):
    watch(production, Drift())
    row = production.step(reconciler)
    assert row.phase == "waiting"
    assert row.status["blind"] == "nothing is deployed"


def test_a_new_champion_brings_its_own_reference_and_run(
    production: Any, reconciler: MonitorReconciler
):
    production.deploy(production.model())
    watch(production, Drift())
    production.serve(150)
    production.clock.advance(timedelta(hours=1))
    first = production.step(reconciler)
    production.deploy(production.model())
    production.serve(150, hours=47)
    production.clock.advance(timedelta(hours=1))
    second = production.step(reconciler)
    assert second.status["model"] == "model:late@2"
    assert second.status["run"] != first.status["run"]
    assert second.status["seen"] == 3
    with production.ledger.read() as tx:
        assert tx.runs.get(first.status["run"]).status == "finished"
        assert tx.runs.get(second.status["run"]).status == "running"
        assert len(tx.runs.history(first.status["run"], "rows")) == 1


def test_a_worker_that_lost_its_lease_leaves_no_trace(
    production: Any, reconciler: MonitorReconciler
):
    production.deploy(production.model())
    name = watch(production, Drift())
    for _ in range(3):
        production.serve(200, shift=1.5)
    production.clock.advance(timedelta(hours=1))
    with production.ledger.write() as tx:
        lost = tx.intents.claim(["monitor"], owner="dies", lease_s=0)
    row = production.step(reconciler)
    before = len(alerts(production))
    with pytest.raises(FenceLost):
        reconciler.reconcile(lost)
    assert len(alerts(production)) == before > 0
    with production.ledger.read() as tx:
        assert tx.intents.get("monitor", name).status == row.status
        assert len(tx.runs.list(kind="monitor")) == 1
        assert len(tx.runs.history(row.status["run"], "rows")) == 3


def test_small_steps_and_one_big_step_find_the_same(production: Any, reconciler: MonitorReconciler):
    production.deploy(production.model())
    watch(production, Drift(name="often"))
    for _ in range(3):
        production.serve(120, shift=0.3)
        production.clock.advance(timedelta(minutes=2))
        often = production.step(reconciler)
    production.put("monitor", "board.once", **{**often.spec, "name": "once"})
    production.step(reconciler, times=2)
    with production.ledger.read() as tx:
        once = tx.intents.get("monitor", "board.once")
        often = tx.intents.get("monitor", "board.often")
    assert once.status["windows"] == often.status["windows"]
    assert once.status["levels"] == often.status["levels"]
