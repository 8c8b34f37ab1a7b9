"""An alert starts one run; those that come too soon after it are recorded and start nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.errors import FenceLost
from towpath.operate.triggers.reconciler import TriggerReconciler

if TYPE_CHECKING:
    from towpath.ledger.records import Intent


class Alarms:
    """Raises alerts as monitors do, and lets the trigger answer them."""

    def __init__(self, production: Any) -> None:
        self.production = production
        self.reconciler = TriggerReconciler(production.ledger, production.clock)
        production.deploy(production.model())
        production.put("project", "flights", code="code:flights@1")

    def declare(self, **fields: Any) -> None:
        declared = {"on": ["drift"], "cooldown": "7d", "pipeline": None, "params": {}, **fields}
        self.production.put("trigger", "flights.retrain", **declared)
        self.answer()

    def raise_one(self, name: str, *, kind: str = "drift", project: str = "flights") -> None:
        with self.production.ledger.write() as tx:
            tx.events.append(
                "alert.raised",
                "service:board",
                alert=f"board.{kind}.{name}",
                monitor=f"board.{kind}",
                kind=kind,
                project=project,
                model="model:late@1",
            )

    def answer(self) -> Intent:
        return self.production.step(self.reconciler)

    def verdicts(self) -> list[str]:
        with self.production.ledger.read() as tx:
            status = tx.intents.get("trigger", "flights.retrain").status
        return [answer["verdict"] for answer in status["answers"]]

    def runs(self) -> list[Intent]:
        with self.production.ledger.read() as tx:
            return tx.intents.list("pipeline_run")

    def end_run(self, phase: str) -> None:
        with self.production.ledger.write() as tx:
            held = tx.intents.claim(["pipeline_run"], owner="test", lease_s=60)
            tx.intents.advance(held, phase=phase)


@pytest.fixture
def alarms(production: Any) -> Alarms:
    return Alarms(production)


def test_an_alert_runs_the_pipeline_that_made_the_model(alarms: Alarms):
    alarms.declare(params={"window": "8 weeks"})
    alarms.raise_one("one")
    alarms.answer()
    (run,) = alarms.runs()
    assert run.spec == {
        "project": "flights",
        "pipeline": "train",
        "params": {"window": "8 weeks"},
        "code": "code:flights@1",
        "at": alarms.production.clock.now().isoformat(),
        "pins": {},
        "reason": "trigger:board.drift.one",
    }
    assert alarms.verdicts() == ["started"]


def test_a_declared_pipeline_is_run_instead(alarms: Alarms):
    alarms.declare(pipeline="train-small")
    alarms.raise_one("one")
    alarms.answer()
    assert alarms.runs()[0].spec["pipeline"] == "train-small"


def test_one_run_at_a_time_and_then_a_cooldown(alarms: Alarms):
    alarms.declare()
    for name in ("one", "two"):
        alarms.raise_one(name)
    alarms.answer()
    alarms.end_run("done")
    alarms.production.clock.advance(timedelta(days=6))
    alarms.raise_one("three")
    alarms.answer()
    alarms.production.clock.advance(timedelta(days=1))
    alarms.raise_one("four")
    alarms.answer()
    assert alarms.verdicts() == ["started", "running", "cooling", "started"]
    assert len(alarms.runs()) == 2


@pytest.mark.parametrize(("phase", "verdict"), [("refused", "cooling"), ("failed", "started")])
def test_a_refused_model_cools_down_and_a_failed_run_does_not(
    alarms: Alarms, phase: str, verdict: str
):
    alarms.declare()
    alarms.raise_one("one")
    alarms.answer()
    alarms.end_run(phase)
    alarms.raise_one("two")
    alarms.answer()
    assert alarms.verdicts() == ["started", verdict]


@pytest.mark.parametrize(
    ("on", "fires"),
    [(["drift"], True), (["board.drift"], True), (["performance"], False), (["other"], False)],
)
def test_it_waits_for_kinds_or_names(alarms: Alarms, on: list[str], fires: bool):
    alarms.declare(on=on)
    alarms.raise_one("one")
    alarms.answer()
    assert bool(alarms.runs()) is fires


def test_an_alert_on_the_quality_of_data_starts_a_run_like_any_other(alarms: Alarms):
    alarms.declare(on=["data_quality"])
    alarms.raise_one("one")
    alarms.raise_one("two", kind="data_quality")
    alarms.answer()
    (run,) = alarms.runs()
    assert "data_quality.two" in run.spec["reason"]


def test_other_projects_alerts_are_theirs(alarms: Alarms):
    alarms.declare()
    alarms.raise_one("one", project="loans")
    alarms.answer()
    assert alarms.runs() == []
    assert alarms.verdicts() == []


def test_alerts_from_before_the_trigger_are_left_alone(alarms: Alarms):
    alarms.raise_one("early")
    alarms.declare()
    alarms.answer()
    assert alarms.runs() == []


def test_each_alert_is_answered_once(alarms: Alarms):
    alarms.declare(cooldown="1s")
    alarms.raise_one("one")
    with alarms.production.ledger.write() as tx:
        tx.intents.wake("trigger", "flights.retrain")
        lost = tx.intents.claim(["trigger"], owner="dies", lease_s=0)
    alarms.answer()
    with pytest.raises(FenceLost):
        alarms.reconciler.reconcile(lost)
    alarms.answer()
    assert alarms.verdicts() == ["started"]
    assert len(alarms.runs()) == 1


def test_a_project_that_is_gone_is_a_recorded_failure(alarms: Alarms):
    alarms.declare()
    with alarms.production.ledger.write() as tx:
        tx.intents.delete("project", "flights")
    alarms.raise_one("one")
    row = alarms.answer()
    assert alarms.verdicts() == ["failed"]
    assert "flights" in row.status["answers"][0]["why"]
