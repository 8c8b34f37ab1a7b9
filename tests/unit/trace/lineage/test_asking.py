"""Anything can be asked about, either way, and no answer grows with the graph behind it."""

from __future__ import annotations

import pytest

from towpath.core.errors import NotFound, UsageError
from towpath.core.refs import Ref
from towpath.operate.monitoring.examples import Example, named
from towpath.trace.lineage import Bounds, LedgerTracer

FAN = 60


@pytest.fixture
def tracer(sqlite_ledger, decisions, history):
    return LedgerTracer(sqlite_ledger, decisions)


@pytest.fixture
def fan(sqlite_ledger, history):
    """Return a data set that many trainings used, each of which made a model."""
    with sqlite_ledger.write() as tx:
        tx.versions.declare("dataset", "hot", project="flights")
        hot = tx.versions.commit("dataset", "hot", digest="aa" * 32, body={"rows": 1}).ref
        tx.versions.declare("model", "many", project="flights")
        for number in range(FAN):
            run = tx.runs.start(kind="pipeline", name="train", project="flights")
            step = tx.runs.start(kind="step", name="fit", project="flights", parent=run.id)
            tx.graph.link_all([(run.ref, "used", hot), (step.ref, "used", hot)])
            tx.versions.commit("model", "many", digest=f"{number:064x}", body={}, made_by=run.id)
    return hot


def test_a_wide_fan_is_bounded_and_what_is_left_out_is_counted(tracer, fan):
    tree = tracer.ask(str(fan), "forth", bounds=Bounds(width=10, nodes=25))
    assert len(tree.root.children) == 10
    assert sum(1 for _ in tree.root.walk()) <= 25
    # Forty edges were fetched; they are of twenty runs, of which ten are shown.
    assert tree.root.more == 2 * FAN - 40 + 10
    assert tree.reached == {"model": FAN, "run": FAN, "step": FAN}
    assert tree.complete


def test_counting_gives_up_where_it_is_told_to_and_says_so(tracer, fan):
    tree = tracer.ask(str(fan), "forth", bounds=Bounds(width=5, counted=100))
    assert not tree.complete
    assert sum(tree.reached.values()) >= 100
    whole = tracer.ask(str(fan), "forth", bounds=Bounds(width=5, counted=None))
    assert whole.complete


def test_the_newest_are_shown_first(tracer, fan, sqlite_ledger):
    with sqlite_ledger.read() as tx:
        newest = [run.id for run in tx.runs.list(kind="pipeline", limit=5)]
    tree = tracer.ask(str(fan), "forth", bounds=Bounds(width=5))
    assert {child.ref for child in tree.root.children} == {f"run:{one}" for one in newest}


def test_a_neighbourhood_costs_what_it_shows(tracer, fan, sqlite_ledger):
    found = tracer.neighbourhood(fan, "forth", bounds=Bounds(width=10, nodes=25))
    assert len(found.distances) <= 25
    assert len(found.runs) <= 10 * 2 * 2 + 25


@pytest.fixture
def alert(sqlite_ledger, record):
    """Return an alert about the first model, an example of it, and the run that it started."""
    decision = record(model="model:late@1", label=1.0)
    with sqlite_ledger.write() as tx:
        watch = tx.runs.start(
            kind="monitor", name="drift", project="flights", tags={"model": "model:late@1"}
        )
        tx.graph.link(watch.ref, "used", Ref("model", "late", 1))
        again = tx.runs.start(kind="pipeline", name="train", project="flights")
        spec = {
            "monitor": "drift",
            "model": "model:late@1",
            "service": "delay-board",
            "summary": "distance moved",
            "examples": named(tx, [Example(decision=decision, subject="5ub1ec7")]),
        }
        tx.intents.put("alert", "drift.1", project="flights", spec=spec, phase="open", due=False)
        status = {"run": again.id}
        tx.intents.put(
            "pipeline_run", "flights.drift.1", project="flights", spec={}, status=status, due=False
        )
    return decision, watch.id, again.id


def test_an_alert_leads_back_to_the_model_and_on_to_what_it_started(tracer, alert):
    decision, watch, again = alert
    back = tracer.ask("alert:drift.1", "back")
    assert [(child.relation, child.ref) for child in back.root.children] == [
        ("is about", "model:late@1"),
        ("raised by", f"run:{watch}"),
        ("for example", f"decision:{decision}"),
    ]
    assert "dataset:flights@1" in back.refs("dataset")
    (watched,) = back.root.children[1].children[:1]
    assert (watched.relation, watched.children) == ("watched", ())
    forth = tracer.ask("alert:drift.1", "forth")
    assert [(child.relation, child.ref) for child in forth.root.children] == [
        ("started", f"run:{again}")
    ]


def test_a_decision_leads_on_to_its_label_and_the_alerts_that_name_it(tracer, alert):
    decision, _, _ = alert
    tree = tracer.ask(decision, "forth")
    assert [child.ref for child in tree.root.children] == [f"label:{decision}", "alert:drift.1"]
    assert "value" not in tree.root.children[0].facts
    shown = tracer.ask(decision, "forth", payload=True)
    assert shown.root.children[0].facts["value"] == 1.0


def test_a_label_leads_back_through_its_decision_and_reading_it_is_recorded(
    tracer, alert, sqlite_ledger
):
    decision, _, _ = alert
    tree = tracer.ask(f"label:{decision}", "back", actor="ada")
    assert tree.refs("model") == ["model:late@1"]
    with sqlite_ledger.read() as tx:
        (event,) = tx.events.read(types=["decision.read"])
    assert event.actor == "ada"


def test_a_label_that_nobody_gave_is_not_found(tracer, record):
    with pytest.raises(NotFound, match="nobody has said yet"):
        tracer.ask(f"label:{record()}", "back")


def test_models_say_how_many_decisions_they_made(tracer, record):
    for _ in range(3):
        record(model="model:late@2")
    tree = tracer.impact(Ref("dataset", "flights"))
    made = {
        node.facts["model"]: node.facts for node in tree.root.walk() if node.kind == "decisions"
    }
    assert made["model:late@2"] == {"model": "model:late@2", "decisions": 3, "errors": 0}


def test_a_report_leads_to_the_model_and_what_each_gate_said(tracer, sqlite_ledger):
    gates = [{"gate": "quality", "verdict": "pass", "score": 0.7, "rows": [1, 2]}]
    with sqlite_ledger.write() as tx:
        body = {"verdict": "pass", "report": "ef" * 32, "champion": "model:late@2", "gates": gates}
        tx.versions.commit("model", "late", digest="30" * 32, body=body)
    back = tracer.ask("report:late@3", "back")
    assert [(child.relation, child.ref) for child in back.root.children] == [
        ("is about", "model:late@3"),
        ("weighed against", "model:late@2"),
        ("says", "gate:late@3#quality"),
    ]
    gate = tracer.ask("gate:late@3#quality", "forth")
    assert gate.root.facts == {"gate": "quality", "verdict": "pass", "score": 0.7}
    with pytest.raises(NotFound, match="gate of model:late@3"):
        tracer.ask("gate:late@3#quantity", "back")


def test_what_runs_ran_in_is_a_node(tracer, sqlite_ledger, history):
    environment = Ref("environment", "10c" * 20)
    with sqlite_ledger.write() as tx:
        tx.graph.link(Ref("run", history.run), "used", environment)
    tree = tracer.ask(str(environment), "forth")
    assert tree.refs("model") == ["model:late@2"]
    back = tracer.ask("model:late@2", "back")
    assert back.refs("environment") == [str(environment)]
    with pytest.raises(NotFound):
        tracer.ask("environment:nobody", "forth")


@pytest.mark.parametrize("what", ["alert:nope", "service:nope", "report:nope@1", "decision:nope"])
def test_what_nobody_knows_is_not_found(tracer, what):
    with pytest.raises(NotFound):
        tracer.ask(what, "back")


def test_bounds_that_show_nothing_are_refused():
    with pytest.raises(UsageError):
        Bounds(width=0)
    with pytest.raises(UsageError):
        Bounds(depth=-1)
