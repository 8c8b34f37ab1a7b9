"""From a decision back to code and rows, and from rows forth to what depends on them."""

from __future__ import annotations

import json

import msgspec
import pytest

from towpath.build.pipelines import READS_TAG, Read
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.trace.lineage import LedgerTracer


@pytest.fixture
def tracer(sqlite_ledger, decisions, history):
    return LedgerTracer(sqlite_ledger, decisions)


def test_a_decision_leads_back_to_code_parameters_and_rows(tracer, record, history):
    tree = tracer.trace_decision(record(model="model:late@2"))
    release, model = tree.root.children[0], tree.root.children[0].children[0]
    assert (release.ref, model.ref) == ("release:prod@1", "model:late@2")
    (run,) = [node for node in model.children if node.relation == "made by"]
    assert run.ref == f"run:{history.run}"
    below = {node.kind: node for node in run.children}
    assert below["code"].facts["digest"] == "c0" * 32
    assert below["parameters"].facts == {"window": "8 weeks"}
    assert below["environment"].facts == {"lock": "10c" * 20}
    assert tree.refs("dataset") == ["dataset:flights@1", "dataset:weather@1"]
    assert below["dataset"].facts["revision"] == 1
    assert below["dataset"].facts["rows"] == 900


def test_a_run_says_which_revision_it_read_where_an_erasure_made_another(
    tracer, history, sqlite_ledger
):
    flights = Ref("dataset", "flights", 1)
    with sqlite_ledger.write() as tx:
        reads = msgspec.json.encode([Read(ref=str(flights)), Read(ref="dataset:weather@1")])
        tx.runs.set_tags(history.run, {READS_TAG: reads.decode()})
        body = tx.versions.get(flights).body
        tx.versions.revise(flights, digest="e5" * 32, body=body, reason="erased")
    back = {node.ref: node.facts for node in tracer.trace(Ref("run", history.run)).root.children}
    assert (back[str(flights)]["revision"], back[str(flights)]["read_revision"]) == (2, 1)
    assert "read_revision" not in back["dataset:weather@1"]
    (run,) = [
        node for node in tracer.impact(flights).root.children if node.ref == f"run:{history.run}"
    ]
    assert run.facts["read_revision"] == 1


def test_the_champion_it_was_weighed_against_is_no_ancestor(tracer, record):
    tree = tracer.trace_decision(record(model="model:late@2"))
    (champion,) = [node for node in tree.root.walk() if node.relation == "weighed against"]
    assert champion.ref == "model:late@1"
    assert champion.children == ()


def test_the_payload_is_shown_only_when_asked_for(tracer, record):
    decision = record(key="2013-03-01-1545", subject="5ub")
    shown = tracer.trace_decision(decision).root.facts
    assert shown["inputs"] == {"distance": 733.0}
    hidden = tracer.trace_decision(decision, payload=False).root.facts
    assert not {"inputs", "outputs", "key"} & set(hidden)
    assert hidden["subject"] == "5ub"


def test_every_read_of_a_decision_is_audited(tracer, record, sqlite_ledger):
    decision = record()
    tracer.trace_decision(decision, actor="ada")
    with sqlite_ledger.read() as tx:
        (event,) = tx.events.read(types=["decision.read"])
    assert (event.actor, event.subject) == ("ada", f"decision:{decision}")


def test_an_unknown_decision_is_not_found(tracer):
    with pytest.raises(NotFound, match="no decision 'nope'"):
        tracer.trace_decision("nope")


def test_impact_reaches_models_and_releases(tracer):
    tree = tracer.impact(Ref("dataset", "flights"))
    assert tree.root.ref == "dataset:flights@1"
    assert tree.refs("model") == ["model:late@1", "model:late@2"]
    assert tree.refs("release") == ["release:prod@1"]


def test_full_shows_steps_and_artefacts(tracer, history):
    readable = tracer.impact(Ref("dataset", "flights"))
    assert readable.refs("artifact") == []
    assert f"run:{history.step}" not in readable.refs("run")
    full = tracer.impact(Ref("dataset", "flights"), full=True)
    assert full.refs("artifact") == [f"artifact:{history.artifact}"]
    assert f"run:{history.step}" in full.refs("run")


def test_what_stands_twice_is_spelt_out_once(tracer):
    tree = tracer.impact(Ref("dataset", "flights"))
    releases = [node for node in tree.root.walk() if node.kind == "release"]
    assert len(releases) == 2
    deep = tracer.trace(Ref("release", "prod", 1))
    datasets = [node for node in deep.root.walk() if node.ref == "code:flights@1"]
    assert len(datasets) == 2
    models = [node for node in deep.root.walk() if node.ref == "model:late@1"]
    assert [node.repeated for node in models].count(True) <= 1


def test_depth_cuts_the_tree(tracer):
    assert tracer.trace(Ref("model", "late", 2), depth=0).root.children == ()
    one = tracer.trace(Ref("model", "late", 2), depth=1).root
    assert [node.children for node in one.children] == [()] * len(one.children)


def test_the_json_form_is_json(tracer, record):
    tree = tracer.trace_decision(record())
    shown = json.loads(json.dumps(tree.to_json()))
    assert shown["direction"] == "back"
    assert shown["root"]["children"][0]["relation"] == "answered under"


@pytest.mark.parametrize("ref", ["dataset:nope", "run:nope", "artifact:00", "model:late@9"])
def test_what_the_ledger_does_not_know_is_not_found(tracer, ref):
    with pytest.raises(NotFound):
        tracer.trace(Ref.parse(ref))
