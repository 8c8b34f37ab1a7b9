"""Each kind of monitor through the reconciler, on a real log: quiet days stay quiet, faults are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from towpath.operate.monitoring import (
    DataQuality,
    Detector,
    EstimatedPerformance,
    Fairness,
    Health,
    Outliers,
    Performance,
    Slices,
)
from towpath.operate.monitoring.examples import examples_of

QUIET = (
    DataQuality(),
    Health(window="1d", max_error_rate=0.05, max_latency_ms_p99=50),
    EstimatedPerformance("log_loss"),
    Slices("log_loss"),
    Outliers(),
)


@pytest.mark.parametrize("monitor", QUIET, ids=lambda one: one.kind)
def test_quiet_days_raise_nothing(watched: Any, monitor: Any):
    watched.watch(monitor)
    for _ in range(3):
        watched.day(watched.rows(300), latency_us=watched.rng.integers(500, 900, 300))
    row = watched.judge(later=timedelta(hours=12))
    assert [one["judged"] for one in row.status["windows"]] == [True] * 3
    assert watched.alerts() == []


@pytest.mark.parametrize("monitor", QUIET, ids=lambda one: one.kind)
def test_too_little_says_nothing(watched: Any, monitor: Any):
    watched.watch(monitor)
    watched.day(watched.rows(5))
    row = watched.judge()
    assert watched.alerts() == []
    assert row.phase == "watching"


def blamed(watched: Any) -> set[tuple[str, str]]:
    (alert,) = watched.alerts()
    return {(one["name"], one["statistic"]) for one in alert.spec["features"]}


def test_missing_values_are_named_with_their_share_before_and_after(watched: Any):
    watched.watch(DataQuality())
    rows = watched.rows(400)
    gone = watched.rng.random(400) < 0.1
    watched.day(rows.with_columns(wind=pl.when(pl.Series(gone)).then(None).otherwise("wind")))
    row = watched.judge()
    assert ("wind", "missing") in blamed(watched)
    (wind,) = (one for one in watched.alerts()[0].spec["features"] if one["statistic"] == "missing")
    assert wind["before"] == 0
    assert wind["after"] == pytest.approx(gone.mean())
    assert watched.measured(row)["missing.wind"] == pytest.approx(gone.mean())


def test_values_far_out_are_named_and_so_is_a_column_that_is_stuck(watched: Any):
    watched.watch(DataQuality())
    rows = watched.rows(400)
    unit = pl.when(pl.int_range(400) % 10 == 0).then(pl.col("wind") * 100).otherwise("wind")
    watched.day(rows.with_columns(wind=unit, load=pl.lit(0.5)))
    watched.judge()
    assert {("wind", "out_of_range"), ("load", "constant")} <= blamed(watched)


def test_declared_limits_alarm_in_the_window_that_breaks_them(watched: Any):
    watched.watch(DataQuality(ranges={"wind": (-9, 9)}, max_missing={"load": 0.5}, max_age="6h"))
    rows = watched.rows(200)
    watched.day(rows)
    watched.day(rows.with_columns(wind=pl.lit(9.5)), hours=12)  # and then nothing for twelve hours
    watched.production.clock.advance(timedelta(hours=12))
    watched.judge()
    assert {("wind", "out_of_range"), ("freshness", "age_s")} <= blamed(watched)
    assert ("load", "missing") not in blamed(watched)


def test_a_day_with_a_tenth_of_the_traffic_is_noticed_though_too_small_for_all_else(watched: Any):
    watched.watch(DataQuality(min_rows=200))
    for _ in range(9):
        watched.day(watched.rows(int(watched.rng.integers(270, 330))))
    watched.day(watched.rows(30))
    watched.judge()
    assert blamed(watched) == {("volume", "rows")}


def test_errors_and_slow_answers_break_limits_only_where_rows_leave_no_doubt(watched: Any):
    watched.watch(Health(window="1d", max_error_rate=0.02, max_latency_ms_p99=5, min_rows=20))
    slow = np.where(np.arange(400) % 20 == 0, 40_000, 900)
    watched.day(watched.rows(30), latency_us=np.where(np.arange(30) == 0, 40_000, 900))
    row = watched.judge()
    assert watched.alerts() == []  # one slow answer of thirty proves nothing about one in a hundred
    watched.production.clock.advance(timedelta(hours=12))
    watched.day(watched.rows(400), failing=0.1, latency_us=slow)
    row = watched.judge()
    assert blamed(watched) == {("errors", "error_rate"), ("latency", "latency_ms.p99")}
    measured = watched.measured(row)
    assert measured["latency_ms.p99"] == pytest.approx(40.0)
    assert measured["latency_ms.p50"] == pytest.approx(0.9)


def test_more_errors_than_usual_are_noticed_without_any_limit(watched: Any):
    watched.watch(Health(window="1d"))
    for _ in range(5):
        watched.day(watched.rows(300), failing=0.02)
    watched.day(watched.rows(300), failing=0.25)
    watched.judge()
    assert ("errors", "error_rate") in blamed(watched)


def test_gateways_that_take_too_much_are_named(watched: Any):
    production = watched.production
    with production.ledger.write() as tx:
        later = datetime.now(UTC) + timedelta(seconds=100)
        status = {"resident_peak_bytes": 9e8, "cpu_s": 20.0, "at": later.isoformat()}
        tx.intents.put("gateway", "g1", project="towpath", spec={}, status=status, due=False)
    watched.watch(Health(window="1d", max_memory_mb=500, max_cpu=0.9))
    watched.day(watched.rows(200))
    row = watched.judge()
    assert blamed(watched) == {("memory_mb", "memory_mb")}
    assert watched.measured(row)["cpu"] == pytest.approx(0.2, abs=0.01)


def test_a_shift_to_harder_rows_is_seen_before_labels_and_compared_after(watched: Any):
    """Rows where the model is unsure: its loss goes up, and nothing else changed."""
    watched.watch(EstimatedPerformance("log_loss", maturity="6h", price=2.0, unit="EUR"))

    def hard() -> pl.DataFrame:
        rows = watched.rows(6000)
        wind, load = rows["wind"].to_numpy(), rows["load"].to_numpy()
        return rows.filter(pl.Series(np.abs(1.2 * wind - 0.8 * load - 1) < 0.6)).head(400)

    for _ in range(3):
        watched.day(hard())
    row = watched.judge(later=timedelta(hours=1))
    (alert,) = watched.alerts()
    assert alert.spec["kind"] == "estimated_performance"
    assert "covariate shift only" in alert.spec["summary"]
    assert alert.spec["cost"]["estimated"]
    assert alert.spec["cost"]["cost"] == pytest.approx(2 * alert.spec["cost"]["excess"])
    run = row.status["run"]
    with watched.production.ledger.read() as tx:
        estimated = tx.runs.history(run, "log_loss.estimated")
        realised = tx.runs.history(run, "log_loss.realised")
        area = tx.runs.history(run, "roc_auc.realised")
    assert [one.step for one in realised] == [one.step for one in estimated[:-1]]
    assert len(area) == len(realised) == 2
    for guess, truth in zip(estimated, realised, strict=False):
        assert abs(guess.value - truth.value) < 0.08


def test_a_slice_that_got_worse_is_named_and_what_it_cost(watched: Any):
    watched.watch(Slices("log_loss", price=1.0))
    for _ in range(3):
        rows = watched.rows(600)
        broken = (rows["wind"] > 1.0).to_numpy()
        late = np.where(broken, 1 - rows["late"].to_numpy(), rows["late"].to_numpy())
        watched.day(rows.with_columns(late=pl.Series(late)))
    watched.judge()
    (alert,) = watched.alerts()
    first = alert.spec["features"][0]
    assert "wind >" in first["name"]
    assert first["after"] > first["before"]
    assert alert.spec["cost"]["excess"] > 20
    assert "load" not in alert.spec["summary"].partition(" than ")[0]


def test_groups_that_fare_too_differently_are_named_and_small_ones_are_left_out(watched: Any):
    watched.watch(Fairness("team", metrics=["selection_rate", "error_rate"], max_gap=0.1))
    for _ in range(3):
        rows = watched.rows(600)
        team = watched.rng.choice(["red", "blue", "tiny"], 600, p=[0.5, 0.49, 0.01])
        score = np.where(team == "red", 0.9, np.where(np.arange(600) % 2 == 0, 0.8, 0.2))
        watched.day(rows.with_columns(team=pl.Series(team)), score=score, hours=56)
    row = watched.judge()
    (alert,) = watched.alerts()
    names = {one["name"] for one in alert.spec["features"]}
    assert "team blue against red" in names
    measured = watched.measured(row)
    assert measured["selection_rate.red"] == 1
    assert "selection_rate.tiny" not in measured


def test_groups_within_the_bound_are_no_news(watched: Any):
    watched.watch(Fairness("team", min_ratio=0.8))
    rows = watched.rows(900)
    score = np.where(np.arange(900) % 10 < 6, 0.9, 0.1)
    team = pl.Series(watched.rng.choice(["red", "blue"], 900))
    watched.day(rows.with_columns(team=team), score=score, hours=24 * 7)
    watched.day(watched.rows(5).with_columns(team=pl.lit("red")))
    row = watched.judge(later=timedelta(days=1))
    assert row.status["windows"][0]["judged"]
    assert watched.alerts() == []


def test_strange_rows_are_counted_and_pointed_at_by_id_alone(watched: Any):
    watched.watch(Outliers(examples=3))
    rows = watched.rows(400)
    strange = np.arange(400) % 20 == 0
    ids = watched.day(rows.with_columns(wind=pl.Series(np.where(strange, 40.0, rows["wind"]))))
    watched.judge()
    (alert,) = watched.alerts()
    assert len(examples_of(alert)) == 3
    assert set(examples_of(alert)) <= {one for one, odd in zip(ids, strange, strict=True) if odd}
    assert "40.0" not in str(alert.spec)


class Other:
    """A detector in the shape of Alibi Detect's: it compares means."""

    def __init__(
        self, x_ref: np.ndarray, *, per_feature: bool = True, silent: bool = False
    ) -> None:
        self.x_ref, self.per_feature, self.silent = x_ref, per_feature, silent

    def predict(self, x: np.ndarray) -> dict[str, Any]:
        from scipy import stats

        found = stats.ttest_ind(self.x_ref, x, axis=0).pvalue
        p = found if self.per_feature else float(found.min())
        data = {"is_drift": int(np.min(p) < 0.01)}
        return {"data": data if self.silent else {**data, "p_val": p}}


@pytest.mark.parametrize("options", [{}, {"per_feature": False}, {"silent": True}])
def test_a_detector_of_another_library_is_asked(watched: Any, options: dict[str, Any]):
    factory = f"{__name__}:Other"
    watched.watch(Detector(factory, reference="2d", options=options))
    for _ in range(3):
        watched.day(watched.rows(200))
    row = watched.judge()
    assert [one["judged"] for one in row.status["windows"]] == [False, False, True]
    assert watched.alerts() == []
    watched.production.clock.advance(timedelta(hours=12))
    rows = watched.rows(200)
    watched.day(rows.with_columns(wind=rows["wind"] + 2))
    watched.judge()
    (alert,) = watched.alerts()
    if not options:
        assert [one["name"] for one in alert.spec["features"]] == ["wind"]


def test_sampled_rows_count_for_those_that_were_not_kept(watched: Any):
    watched.watch(Outliers())
    rows = watched.rows(400)
    odd = rows.head(40).with_columns(wind=pl.lit(40.0))
    watched.day(rows, hours=12, kept=0.1)
    watched.day(odd, hours=12, kept=1.0)
    row = watched.judge()
    share = watched.measured(row)["outliers"]
    assert share == pytest.approx(40 / 4040, abs=0.012)


def test_one_monitor_has_one_alert_until_it_is_resolved(watched: Any):
    from towpath.operate.monitoring.attending import acknowledge, resolve, snooze

    production = watched.production
    watched.watch(DataQuality(ranges={"wind": (-9, 9)}))
    bad = watched.rows(200).with_columns(wind=pl.lit(11.0))

    def one_more() -> None:
        watched.day(bad)
        watched.judge(later=timedelta(hours=0))

    production.clock.advance(timedelta(hours=0))
    one_more()
    one_more()
    production.clock.advance(timedelta(hours=1))
    production.step(watched.reconciler)
    (alert,) = watched.alerts()
    assert (alert.phase, alert.status["alarms"]) == ("open", 2)
    assert alert.spec["rows"] == 200
    with production.ledger.write() as tx:
        acknowledge(tx, alert.name, by="kim")
        snooze(tx, alert.name, by="kim", span=timedelta(days=2), now=production.clock.now())
    told = len(watched.events("alert.persisted"))
    one_more()
    assert len(watched.events("alert.persisted")) == told
    assert watched.alerts()[0].status["alarms"] == 3
    with production.ledger.write() as tx:
        resolve(tx, alert.name, by="kim", why="the sensor was changed")
    one_more()
    first, second = watched.alerts()
    assert (first.phase, second.phase) == ("resolved", "open")
    assert [one.type for one in watched.events("alert.raised", "alert.resolved")] == [
        "alert.raised",
        "alert.resolved",
        "alert.raised",
    ]


def test_an_alert_ends_with_the_model_that_it_is_about(watched: Any):
    watched.watch(DataQuality(ranges={"wind": (-9, 9)}))
    watched.day(watched.rows(200).with_columns(wind=pl.lit(11.0)))
    watched.judge()
    production = watched.production
    production.deploy(production.model())
    production.clock.advance(timedelta(days=2))
    production.step(watched.reconciler)
    (alert,) = watched.alerts()
    assert alert.phase == "resolved"
    assert "serves in its place" in alert.status["why"]


def test_what_drift_cost_is_what_the_service_s_losses_say(watched: Any):
    watched.watch(Performance("log_loss", maturity="3h", price=2.0, unit="EUR"))
    rows = watched.rows(300)
    watched.day(rows.with_columns(late=1 - pl.col("late")))
    watched.judge()
    watched.watch(DataQuality(ranges={"wind": (-0.1, 0.1)}))
    watched.judge(later=timedelta(0))
    (alert,) = (one for one in watched.alerts() if one.spec["kind"] == "data_quality")
    cost = alert.spec["cost"]
    assert cost["monitor"] == "board.performance"
    assert cost["cost"] == pytest.approx(2 * cost["excess"])
    assert cost["words"].endswith("EUR")
    assert cost["excess"] > 50


def test_where_labels_are_late_the_newest_day_that_is_known_is_told(watched: Any):
    watched.watch(Performance("log_loss", maturity="1d", price=2.0, unit="EUR"))
    watched.watch(DataQuality(ranges={"wind": (-0.1, 0.1)}, min_rows=200))
    bad = watched.rows(100)
    watched.day(bad.with_columns(late=1 - pl.col("late"), wind=pl.lit(0.0)))
    watched.production.clock.advance(timedelta(days=1, minutes=2))
    watched.production.step(watched.reconciler)
    watched.day(watched.rows(200))
    watched.judge(later=timedelta(minutes=2))
    told = [one for one in watched.alerts() if one.spec["kind"] == "data_quality"]
    (cost,) = (one.spec["cost"] for one in told)
    assert cost["of"]
    assert cost["words"].endswith(f"EUR, on {cost['of']}, the newest that is known")
