"""Incidents: opened, kept, fixed and closed; and what an erasure leaves of them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from towpath.assets.cases import Expectation
from towpath.core.errors import Conflict, InvalidRequest, NotFound, Withdrawn
from towpath.core.refs import Ref
from towpath.trace.erasure.copies import About
from towpath.trace.incidents import IncidentDecisions, IncidentReconciler, KeptCases

RIGHT = Expectation.parse(">= 0.5")


@pytest.fixture
def granted(rows: pl.DataFrame) -> pl.DataFrame:
    """Return two people who were granted a loan, beyond doubt."""
    wealth = pl.col("income") * pl.col("granted") / pl.col("amount")
    return rows.sort(wealth, descending=True)[:2]


@pytest.fixture
def bad(bank: Any, rows: pl.DataFrame) -> Ref:
    """Return a model that learnt the opposite of the truth, and serves."""
    bank.add_loans(rows)
    model = bank.train(rows.with_columns(granted=1 - rows["granted"]))
    bank.put(model)
    return model


@pytest.fixture
def wrong(bank: Any, bad: Ref, granted: pl.DataFrame) -> list[str]:
    return bank.decide(bad, granted)


def events(bank: Any, *types: str) -> list[Any]:
    with bank.ledger.read() as tx:
        return tx.events.read(types=list(types), limit=None)


def look(bank: Any) -> str:
    """Let the controller look at every incident that is due; return the state of the first."""
    reconciler = IncidentReconciler(bank.ledger, bank.cases, bank.releases, wall=bank.wall)
    with bank.ledger.write() as tx:
        for row in tx.intents.list("incident"):
            tx.intents.wake("incident", row.name)
        held = tx.intents.claim(["incident"], owner="test", lease_s=5)
    assert held is not None
    reconciler.reconcile(held)
    return bank.incidents.get(held.name).state


def about(bank: Any, who: str) -> About:
    subject = bank.keyring.subject_hash("applicant", who)
    return About(field="applicant", subjects=(subject,), values=(who,), datasets=("loans",))


def test_it_is_opened_with_what_made_the_decisions(bank: Any, bad: Ref, wrong: list[str]) -> None:
    found = bank.incidents.open(decisions=[*wrong, wrong[0]], actor="ada")
    assert (found.id, found.state, found.model) == ("lending.1", "open", str(bad))
    assert found.title == "2 wrong answers of lending"
    assert [one.decision for one in found.evidence] == wrong
    assert {one.release for one in found.evidence} == {"release:production@1"}
    assert bank.incidents.get("lending.1") == found
    (told,) = events(bank, "incident.opened")
    assert (told.actor, told.payload["decisions"]) == ("ada", wrong)
    read = events(bank, "decision.read")
    assert [one.subject for one in read] == [f"decision:{one}" for one in wrong]
    assert {(one.actor, one.payload["incident"]) for one in read} == {("ada", "lending.1")}
    assert bank.incidents.open(decisions=wrong[:1], actor="ada").id == "lending.2"
    assert [one.id for one in bank.incidents.list()] == ["lending.2", "lending.1"]
    assert bank.incidents.list(service="another") == []


def test_it_is_opened_from_an_alert_and_the_decisions_it_names(
    bank: Any, bad: Ref, wrong: list[str], granted: pl.DataFrame
) -> None:
    subject = bank.keyring.subject_hash("applicant", granted["applicant"][0])
    spec = {
        "service": "lending",
        "model": str(bad),
        "summary": "income moved",
        "window": ["2024-03-01T00:00:00+00:00", "2024-03-02T00:00:00+00:00"],
        "examples": [
            {"decision": wrong[0], "subject": subject},
            {"decision": "0190f3c4-0000-7000-8000-000000000000", "subject": None},
        ],
    }
    with bank.ledger.write() as tx:
        tx.intents.put("alert", "lending.drift", project="lending", spec=spec, due=False)
    found = bank.incidents.open(alert="lending.drift", actor="ada")
    assert (found.alert, found.title) == ("lending.drift", "income moved")
    assert [one.decision for one in found.evidence] == wrong[:1]
    assert [one.subject for one in events(bank, "decision.read")] == [f"decision:{wrong[0]}"]
    bank.withdraw(subject)
    assert bank.incidents.open(alert="lending.drift", actor="ada").evidence == ()


@pytest.mark.parametrize("said", [{}, {"decisions": ["a"], "alert": "b"}])
def test_it_is_opened_from_one_thing(bank: Any, said: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        bank.incidents.open(**said, actor="ada")


def test_what_is_unknown_withdrawn_or_of_two_services_opens_nothing(
    bank: Any, bad: Ref, wrong: list[str], granted: pl.DataFrame
) -> None:
    with pytest.raises(NotFound):
        bank.incidents.open(decisions=["0190f3c4-0000-7000-8000-000000000000"], actor="ada")
    elsewhere = bank.decide(bad, granted, service="another")
    with pytest.raises(InvalidRequest, match="several services"):
        bank.incidents.open(decisions=[wrong[0], elsewhere[0]], actor="ada")
    bank.withdraw(bank.keyring.subject_hash("applicant", granted["applicant"][0]))
    with pytest.raises(Withdrawn):
        bank.incidents.open(decisions=wrong, actor="ada")
    assert bank.incidents.list() == []


def test_a_case_is_kept_as_recorded_and_what_serves_is_held_to_it(
    bank: Any, bad: Ref, wrong: list[str], granted: pl.DataFrame
) -> None:
    bank.incidents.open(decisions=wrong, actor="ada")
    opened = len(events(bank, "decision.read"))
    kept = bank.incidents.keep("lending.1", RIGHT, decision=wrong[1], actor="ada")
    assert (kept.name, kept.decision, kept.model) == ("lending.1.1", wrong[1], str(bad))
    assert bank.incidents.get("lending.1").cases == ("lending.1.1",)
    with bank.ledger.read() as tx:
        assert [one.verdict for one in bank.cases.standing(tx, "lending", bad)] == ["fail"]
    subject = bank.keyring.subject_hash("applicant", granted["applicant"][1])
    ((_, inputs),) = bank.cases.about(subject)
    assert inputs == bank.decisions.find(wrong[1]).inputs
    read = events(bank, "decision.read")[opened:]
    assert [one.subject for one in read] == [f"decision:{wrong[1]}"]


def test_what_no_model_could_be_asked_again_is_not_kept(
    bank: Any, bad: Ref, wrong: list[str], granted: pl.DataFrame
) -> None:
    bank.incidents.open(decisions=wrong, actor="ada")
    with pytest.raises(NotFound, match="has no decision"):
        bank.incidents.keep("lending.1", RIGHT, decision="another", actor="ada")
    with pytest.raises(InvalidRequest, match="and not 'late'"):
        bank.incidents.keep("lending.1", Expectation.parse("late > 1"), actor="ada")
    (short,) = bank.decide(bad, granted[:1], inputs={"income": 1.0})
    bank.incidents.open(decisions=[short], actor="ada")
    with pytest.raises(InvalidRequest, match="redacted"):
        bank.incidents.keep("lending.2", RIGHT, actor="ada")
    assert bank.cases.list() == []


def test_it_closes_by_itself_when_a_model_that_passes_serves(
    bank: Any, rows: pl.DataFrame, wrong: list[str]
) -> None:
    bank.incidents.open(decisions=wrong, actor="ada")
    assert look(bank) == "open"
    bank.incidents.keep("lending.1", RIGHT, actor="ada")
    assert look(bank) == "open"
    good = bank.train(rows)
    assert look(bank) == "fixed"
    assert bank.incidents.get("lending.1").fixed_by == str(good)
    assert bank.put(good) == 2
    assert look(bank) == "closed"
    found = bank.incidents.get("lending.1")
    assert (found.closed_by, found.fixed_by) == ("incident", str(good))
    assert found.release == "release:production@2"
    assert [one.type for one in events(bank, "incident.fixed", "incident.closed")] == [
        "incident.fixed",
        "incident.closed",
    ]
    for again in (
        lambda: bank.incidents.triage("lending.1", actor="ada"),
        lambda: bank.incidents.fix("lending.1", actor="ada"),
    ):
        with pytest.raises(Conflict):
            again()
    assert bank.incidents.close("lending.1", why="", actor="ada") == found
    # Its case goes on holding releases.
    worse = bank.train(rows.with_columns(granted=1 - rows["granted"])[:300])
    assert [one.passes for one in bank.cases.hold("lending", worse)] == [False]


def test_a_waiver_closes_no_incident(bank: Any, bad: Ref, wrong: list[str]) -> None:
    from datetime import timedelta

    bank.incidents.open(decisions=wrong, actor="ada")
    kept = bank.incidents.keep("lending.1", RIGHT, actor="ada")
    bank.cases.waive(kept.name, bad, reason="today", lasts=timedelta(hours=1), actor="ada")
    assert look(bank) == "open"
    closed = bank.incidents.close("lending.1", why="sold", actor="ada")
    assert (closed.state, closed.closed_by, closed.why) == ("closed", "ada", "sold")
    assert look(bank) == "closed"


def test_a_retraining_is_asked_by_a_trigger_or_by_the_pipeline(
    bank: Any, bad: Ref, wrong: list[str]
) -> None:
    bank.incidents.open(decisions=wrong, actor="ada")
    with pytest.raises(Conflict, match="no regression case"):
        bank.incidents.fix("lending.1", actor="ada")
    bank.incidents.keep("lending.1", RIGHT, actor="ada")
    with pytest.raises(Conflict, match="not made by a pipeline"):
        bank.incidents.fix("lending.1", actor="ada")
    project = {"code": "code:lending@1", "pipelines": {"train": {}, "other": {}}}
    trigger = {"project": "lending", "on": ["drift"], "pipeline": "train"}
    with bank.ledger.write() as tx:
        body = {**tx.versions.get(bad).body, "pipeline": "train", "params": {"depth": 3}}
        tx.versions.revise(bad, digest="x", body=body, reason="test")
        tx.intents.put("project", "lending", project="lending", spec=project, due=False)
    started = bank.incidents.fix("lending.1", actor="ada")
    assert started == "pipeline_run:incident.lending.1.1"
    with bank.ledger.read() as tx:
        spec = tx.intents.get("pipeline_run", "incident.lending.1.1").spec
    assert (spec["pipeline"], spec["params"]) == ("train", {"depth": 3})
    assert spec["wakes"] == ["incident", "lending.1"]
    with bank.ledger.write() as tx:
        tx.intents.put("trigger", "lending.retrain", project="lending", spec=trigger, due=False)
    assert bank.incidents.fix("lending.1", actor="ada") == "trigger:lending.retrain"
    assert [one.payload["by"] for one in events(bank, "trigger.fired")] == ["ada"]
    with pytest.raises(NotFound):
        bank.incidents.fix("lending.1", trigger="another", actor="ada")
    assert bank.incidents.get("lending.1").fixing == "trigger:lending.retrain"


def test_an_erasure_takes_a_persons_decisions_and_cases_and_no_one_elses(
    bank: Any, bad: Ref, wrong: list[str], granted: pl.DataFrame
) -> None:
    bank.incidents.open(decisions=wrong, actor="ada")
    for decision in wrong:
        bank.incidents.keep("lending.1", RIGHT, decision=decision, actor="ada")
    kinds = (IncidentDecisions(bank.ledger), KeptCases(bank.cases))
    gone, stays = (about(bank, granted["applicant"][at]) for at in (0, 1))
    found = {one.kind: (one.held(gone), one.find(gone)) for one in kinds}
    assert {kind: sum(one.count for one in held) for kind, (held, _) in found.items()} == {
        "incidents": 1,
        "regression_cases": 1,
    }
    ((shown,),) = [one.rows for one in found["regression_cases"][1]]
    assert shown["income"] == granted["income"][0]
    assert shown["answer should be"] == ">= 0.5"
    for _ in range(2):
        for one in kinds:
            one.erase(gone)
    for one in kinds:
        assert one.held(gone) == []
        assert one.find(gone) == []
        assert [held.count for held in one.held(stays)] == [1]
        assert one.beyond(gone) == []
    incident = bank.incidents.get("lending.1")
    assert [one.decision for one in incident.evidence] == wrong[1:]
    assert {one.name: one.state for one in bank.cases.list(states=["active", "erased"])} == {
        "lending.1.1": "erased",
        "lending.1.2": "active",
    }
