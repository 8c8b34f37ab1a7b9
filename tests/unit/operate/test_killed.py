"""Workers that are killed in the middle of a step leave nothing half-done and nothing done twice."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from towpath.app.clock import ReplayClock
from towpath.operate.monitoring import Drift
from towpath.operate.rollouts import Errors, Rollout


@pytest.fixture
def work(dying: Callable[[Path], Callable[[int], int]]) -> Callable[[int], int]:
    """Run a worker that is killed at its nth write, and return its exit code."""
    return dying(Path(__file__).with_name("dying_worker.py"))


def test_rollouts_and_monitors_count_everything_once_however_often_they_are_killed(
    production: Any, work: Callable[[int], int]
):
    production.deploy(production.model())
    production.model()
    plan = Rollout(stages=[0.5], compare="paired", maturity="2h", margin=0.05, min_rows=100_000)
    production.put(
        "rollout",
        "board.2",
        champion="model:late@1",
        challenger="model:late@2",
        **dataclasses.asdict(plan),
    )
    production.put("monitor", "board.drift", kind="drift", **dataclasses.asdict(Drift(min_rows=10)))
    clock = ReplayClock(production.ledger)
    clock.advance_to(production.clock.now())
    assert work(0) == 0  # the split begins
    for dies_at in (2, 4):  # claims and steps alternate: both steps of both kinds get their turn
        production.serve(60, delay=timedelta(hours=1))
        clock.advance_to(production.clock.now() + timedelta(minutes=5))
        assert work(dies_at) == -signal.SIGKILL
    clock.advance_to(production.clock.now() + timedelta(hours=12))
    assert work(0) == 0
    with production.ledger.read() as tx:
        rollout = tx.intents.get("rollout", "board.2").status
        monitor = tx.intents.get("monitor", "board.drift").status
        points = tx.runs.history(monitor["run"], "rows")
        runs = tx.runs.list(kind="monitor")
    evidence = rollout["evidence"]
    assert evidence["answers_champion"] + evidence["answers_challenger"] == 120
    assert evidence["pairs"] == 120
    assert monitor["seen"] == 2
    assert [point.value for point in points] == [window["rows"] for window in monitor["windows"]]
    assert sum(point.value for point in points) == evidence["answers_champion"]
    assert len(runs) == 1


def test_a_stage_begins_once_and_ends_once_however_often_its_worker_is_killed(
    production: Any, work: Callable[[int], int]
):
    """The worker dies at each write in turn: in the split, in the advance, in the promotion."""
    production.deploy(production.model())
    production.model()
    plan = Rollout(stages=[0.3, 0.6], metric=None, require=[Errors(margin=0.06)], maturity="1h")
    production.put(
        "rollout",
        "board.2",
        champion="model:late@1",
        challenger="model:late@2",
        **dataclasses.asdict(plan),
    )
    clock = ReplayClock(production.ledger)
    died = 0
    for _ in range(30):
        with production.ledger.read() as tx:
            if tx.intents.get("rollout", "board.2").phase == "done":
                break
        clock.advance_to(production.clock.now() + timedelta(minutes=5))
        for dies_at in (1, 2, 3, 0):
            died += work(dies_at) == -signal.SIGKILL
        production.serve(250, hours=1, labels=False)
    with production.ledger.read() as tx:
        rollout = tx.intents.get("rollout", "board.2")
        told = [event.type for event in tx.events.read(subject="service:board")]
        route = production.releases.route(tx, "production").services["board"]
    assert died >= 5
    assert rollout.status["outcome"] == "promoted"
    assert [one for one in told if one.startswith("rollout.")] == [
        "rollout.advanced",
        "rollout.promoted",
    ]
    assert [(arm.model, arm.weight) for arm in route.arms] == [("model:late@2", 1.0)]
    evidence = rollout.status["evidence"]
    counted = production.decisions.scan("board").collect().filter(rollout="board.2")
    seen = evidence["answers_champion"] + evidence["answers_challenger"]
    assert 0 < seen <= len(counted)
