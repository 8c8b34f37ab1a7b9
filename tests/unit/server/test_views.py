"""What the pages are told, against what the seeded home went through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets.profiles import Profile
from towpath.core.refs import Ref
from towpath.server.contract import TrafficCount
from towpath.server.views.erasures import PHASES, show_erasure
from towpath.server.views.models import get_model_version
from towpath.server.views.monitors import get_monitor, list_alerts
from towpath.server.views.overview import overview
from towpath.server.views.profile import _column
from towpath.server.views.releases import list_releases
from towpath.server.views.rollouts import get_rollout
from towpath.server.views.runs import get_run
from towpath.server.views.search import search
from towpath.server.views.traffic import series_of, traffic_now
from towpath.trace.erasure.contract import Erasure, Phase

if TYPE_CHECKING:
    from seeded_home import SeededHome

NOW = datetime(2013, 4, 1, tzinfo=UTC)


def test_the_overview_has_a_station_for_each_part_of_the_loop(home: SeededHome):
    erasures = home.services.erasures.list()
    with home.ledger.read() as tx:
        shown = overview(tx, environment="production", now=NOW, traffic=[], erasures=erasures)
    stations = {stage.key: stage for stage in shown.stages}
    assert list(stations) == [
        "data",
        "build",
        "gate",
        "release",
        "serve",
        "watch",
        "trace",
        "erase",
    ]
    assert stations["data"].headline == "18 versions"
    assert stations["gate"].detail == "4 passed, 1 refused"
    assert stations["release"].detail == "late@4 at 50%"
    assert stations["watch"].headline == "1 alarm"
    assert stations["erase"].detail == "certified"
    assert [rollout.name for rollout in shown.rollouts] == ["delay-board.4", "delay-board.2"]


def test_an_empty_home_is_told_as_empty(sqlite_ledger):
    with sqlite_ledger.read() as tx:
        shown = overview(tx, environment="production", now=NOW, traffic=[], erasures=[])
    assert {stage.state for stage in shown.stages} == {"idle"}
    assert shown.services == []


def test_a_run_shows_its_steps_in_order_and_its_neighbours(home: SeededHome):
    with home.ledger.read() as tx:
        run = get_run(tx, home.runs[3])
    assert [step.name for step in run.steps] == ["prepare", "split", "fit", "candidate"]
    assert [step.cached for step in run.steps] == [True, False, False, False]
    assert {"dataset:flights@4", "dataset:weather@4", "code:flights@1"} <= set(run.used)
    assert run.made == ["model:late@4"]


def test_live_releases_are_those_that_take_traffic(home: SeededHome):
    with home.ledger.read() as tx:
        releases = list_releases(tx, "production")
        traffic = traffic_now(tx, "production", {})
    assert [(one.number, one.live) for one in releases] == [(3, True), (2, True), (1, False)]
    assert [arm.weight for arm in traffic.services[0].arms] == [0.5, 0.5]
    assert traffic.suppressed_subjects == 1


def test_a_gateway_that_loaded_an_older_route_is_behind(home: SeededHome):
    with home.ledger.read() as tx:
        gateways = traffic_now(tx, "production", {}).gateways
        wanted = traffic_now(tx, "production", {}).generation
    assert all(one.current == (one.route_generation >= wanted) for one in gateways)


def test_traffic_is_arranged_by_bin_and_model():
    counts = [
        TrafficCount(at=NOW, model="model:late@10", count=3, errors=1),
        TrafficCount(at=NOW, model="model:late@2", count=4, errors=0),
    ]
    series = series_of("board", counts, 60)
    assert series.models == ["model:late@2", "model:late@10"]
    assert (series.total, series.errors) == (7, 1)
    assert series.bins[0].counts == {"model:late@10": 3, "model:late@2": 4}


def test_a_roll_out_shows_each_look_against_its_stage_s_margin(home: SeededHome):
    with home.ledger.read() as tx:
        rollout = get_rollout(tx, "delay-board.4")
    assert {look.stage: look.margin for look in rollout.history} == {0: 0.02, 1: 0.01}
    assert all(look.lower < look.harm < look.upper for look in rollout.history)


def test_a_monitor_shows_its_curves_and_what_its_alarms_led_to(home: SeededHome):
    with home.ledger.read() as tx:
        monitor = get_monitor(tx, "delay-board.drift")
        alerts = list_alerts(tx)
    keys = {series.key for series in monitor.series}
    assert {"score", "distance.temp", "distance.carrier"} <= keys
    assert all(len(series.points) == 12 for series in monitor.series)
    assert [alert.led_to for alert in alerts] == [["retrain-4"]]
    assert monitor.alarms == alerts


@pytest.mark.parametrize(
    ("query", "ref"),
    [
        ("late@3", "model:late@3"),
        ("model:late@2", "model:late@2"),
        ("weath", "dataset:weather@4"),
        ("delay-board.d", "monitor:delay-board.drift"),
    ],
)
def test_search_finds_by_a_piece_of_the_name(query: str, ref: str, home: SeededHome):
    with home.ledger.read() as tx:
        assert ref in [hit.ref for hit in search(tx, query, 12)]


def test_search_takes_an_id_for_a_run_or_else_a_decision(home: SeededHome):
    with home.ledger.read() as tx:
        assert search(tx, home.runs[0], 5)[0].kind == "run"
        assert search(tx, home.decision_ids[0], 5)[0].ref == f"decision:{home.decision_ids[0]}"
        assert search(tx, "  ", 5) == []


def erasure(phase: Phase, blocked_in: Phase | None = None) -> Erasure:
    return Erasure(
        id="e1",
        field="tailnum",
        subject="5" * 32,
        phase=phase,
        requested_at=NOW,
        updated_at=NOW,
        blocked_in=blocked_in,
        reason="the gates refused it" if blocked_in else "",
    )


@pytest.mark.parametrize(
    ("phase", "current"),
    [
        ("new", "suppressed"),
        ("suppressed", "acknowledged"),
        ("purged", "retraining"),
        ("retraining", "retraining"),
        ("rolling_out", "rolling_out"),
        ("verified", "certified"),
        ("certified", None),
    ],
)
def test_a_phase_that_was_reached_is_done_and_one_that_waits_is_under_way(
    phase: Phase, current: str | None
):
    shown = show_erasure(erasure(phase))
    assert [one.name for one in shown.phases if one.state == "now"] == (
        [current] if current else []
    )
    done = [one.name for one in shown.phases if one.state == "done"]
    assert tuple(done) == PHASES[: PHASES.index(current) if current else len(PHASES)]


def test_a_blocked_erasure_says_where_and_why():
    shown = show_erasure(erasure("blocked", "retraining"))
    assert [one.name for one in shown.phases if one.state == "blocked"] == ["retraining"]
    assert shown.blocked == "the gates refused it"


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=400))
def test_bars_count_every_value_once(values: list[float | None]):
    frame = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)})
    column = Profile.of(frame, edges=64).columns[0]
    shown = _column(column, {})
    assert sum(bar.count for bar in shown.bars) == shown.count
    assert shown.count + shown.nulls == len(values)
    assert all(bar.count >= 0 for bar in shown.bars)


def test_an_outlier_does_not_squeeze_the_rest_into_one_bar():
    frame = pl.DataFrame({"x": [*np.random.default_rng(1).normal(0, 1, 4000), 1e9]})
    bars = _column(Profile.of(frame).columns[0], {}).bars
    assert sum(bar.count > 0 for bar in bars) > 15


def test_a_family_is_told_from_its_oldest_ancestor_down(home: SeededHome) -> None:
    with home.ledger.read() as tx:
        version = get_model_version(tx, Ref("model", "late-nights", 1), "production")
        kin = [(one.ref, one.parent, one.depth) for one in version.family]
        alone = get_model_version(tx, Ref("model", "late", 1), "production")
    assert version.parent == "model:late@2"
    assert kin == [
        ("model:late@2", None, 0),
        ("model:late-nights@1", "model:late@2", 1),
        ("model:late-nights@2", "model:late-nights@1", 2),
        ("model:late-winter@1", "model:late-nights@1", 2),
    ]
    assert (alone.parent, alone.family) == (None, [])
