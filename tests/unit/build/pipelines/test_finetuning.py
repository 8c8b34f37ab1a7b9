"""A registered model as an input of a step: pinned, part of the key, recorded as the parent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from towpath.assets.models import ModelRegistry, Registration
from towpath.build.pipelines import (
    CandidateOutcome,
    CandidateRequest,
    load_artifact,
    pins_of_parent,
    recipe_of,
)
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import Ref

PROJECT = """
    from datetime import datetime
    import polars as pl
    from sklearn.linear_model import SGDClassifier
    import towpath as tp

    class Trip(tp.Schema):
        trip: str
        who: str
        at: datetime
        x: float

    trips = tp.Dataset("trips", schema=Trip, key="trip", time="at", subject="who")

    @tp.step
    def label(rows: pl.LazyFrame) -> pl.LazyFrame:
        odd = pl.col("trip").str.tail(1).cast(pl.Int64) % 2
        return rows.with_columns(odd.alias("y"), (odd + pl.col("x") / 10).alias("z"))

    @tp.step
    def fit(rows: pl.DataFrame) -> tp.Model:
        estimator = SGDClassifier(loss="log_loss", random_state=0)
        return tp.Model.fit(estimator, rows.select("z"), rows["y"])

    @tp.step
    def carry_on(parent: tp.Model, rows: pl.DataFrame, *, rounds: int = 3) -> tp.Model:
        for _ in range(rounds):
            parent.estimator.partial_fit(parent.inputs.matrix(rows), rows["y"].to_numpy())
        return tp.Model(parent.estimator, inputs=parent.inputs, outcome="y")

    @tp.step
    def calibrate(model: tp.Model) -> tp.Model:
        return model

    @tp.step
    def blend(one: tp.Model, other: tp.Model) -> tp.Model:
        return one

    @tp.pipeline
    def train():
        past, recent = tp.split(label(trips.last("30d")), by="at", last="12h")
        return tp.candidate("odd", fit(past), test=recent)

    @tp.pipeline
    def tune():
        past, recent = tp.split(label(trips.last("30d")), by="at", last="12h")
        tuned = calibrate(tp.finetune("odd", carry_on, rows=past))
        return tp.candidate("odd", tuned, test=recent)

    @tp.pipeline
    def tune_first():
        past, recent = tp.split(label(trips.last("30d")), by="at", last="12h")
        return tp.candidate("odd", tp.finetune("odd@1", carry_on, rows=past, rounds=5), test=recent)

    @tp.pipeline
    def tune_own():
        past, recent = tp.split(label(trips.last("30d")), by="at", last="12h")
        return tp.candidate("odd", tp.finetune(fit(past), carry_on, rows=recent), test=recent)

    @tp.step
    def carry_on_so_long(parent: tp.Model, rows: pl.DataFrame, *, rounds: int = 3) -> tp.Model:
        began_at = parent.estimator.t_
        for _ in range(rounds):
            parent.estimator.partial_fit(parent.inputs.matrix(rows), rows["y"].to_numpy())
        tp.log_metric("seen", parent.estimator.t_ - began_at)
        return tp.Model(parent.estimator, inputs=parent.inputs, outcome="y")

    @tp.pipeline
    def tune_widely():
        past, recent = tp.split(label(trips.last("30d")), by="at", last="12h")
        best = tp.search(
            carry_on_so_long, tp.parent("odd"), past, rounds=[1, 2, 4], sampler="grid",
            maximize="seen", keep=2,
        )
        return tp.candidate("odd", best, test=recent)

    @tp.pipeline
    def of_two():
        past, recent = tp.split(label(trips.last("30d")), by="at", last="12h")
        one = tp.finetune("odd", carry_on, rows=past)
        return tp.candidate("odd", tp.finetune("odd@1", blend, other=one), test=recent)

    @tp.pipeline
    def of_nobody():
        return tp.candidate("odd", tp.finetune("odd", label, rows=trips.all()), test=trips.all())

    @tp.pipeline
    def of_a_data_set():
        return tp.candidate("odd", tp.finetune("dataset:trips", carry_on, rows=trips.all()), test=trips.all())
"""


@dataclass
class Registrar:
    """Registers every candidate as its gates would, all of them approved."""

    workshop: Any
    seen: list[CandidateRequest] = field(default_factory=list)

    def consider(self, request: CandidateRequest) -> CandidateOutcome:
        self.seen.append(request)
        workshop = self.workshop
        empty = workshop.blobs.put(b"{}")
        registry = ModelRegistry(workshop.ledger, workshop.blobs, workshop.keyring)
        version = registry.register(
            Registration(
                name=request.name,
                project=request.project,
                package=request.model.digest,
                run=request.run_id,
                pipeline=request.pipeline,
                params=request.params,
                code=request.code,
                datasets=request.datasets,
                lock=request.lock,
                conditions=f"{len(self.seen):064}",
                champion=None,
                parent=request.parent,
                verdict="pass",
                report=empty,
                reference=empty,
            )
        )
        return CandidateOutcome(version=version.ref, verdict="pass")


@pytest.fixture
def registrar(workshop: Any, keyring: Any) -> Registrar:
    workshop.write("toy.py", PROJECT)
    workshop.keyring = keyring
    workshop.candidates = Registrar(workshop)
    assert workshop.run("train").model == Ref("model", "odd", 1)
    return workshop.candidates


def test_the_newest_approved_version_becomes_the_parent(workshop: Any, registrar: Registrar):
    result = workshop.run("tune")
    assert result.model == Ref("model", "odd", 2)
    assert registrar.seen[-1].parent == Ref("model", "odd", 1)
    first = load_artifact(registrar.seen[0].model, workshop.blobs)
    second = load_artifact(registrar.seen[1].model, workshop.blobs)
    assert second.estimator.t_ > first.estimator.t_, "it went on from where the parent had stopped"


def test_the_graph_leads_from_child_to_parent_and_on(workshop: Any, registrar: Registrar):
    child = workshop.run("tune").model
    with workshop.ledger.read() as tx:
        back = tx.graph.trace(child)
        forth = tx.graph.impact(Ref("model", "odd", 1))
        step = next(run for run in tx.runs.list(kind="step") if run.name == "carry_on")
    edges = {(edge.child, edge.relation, edge.parent) for edge in back.edges}
    assert (child, "tuned", Ref("model", "odd", 1)) in edges
    assert (step.ref, "used", Ref("model", "odd", 1)) in edges
    assert child in forth.nodes


def test_another_parent_is_another_key_and_the_same_one_a_hit(workshop: Any, registrar: Registrar):
    assert workshop.run("tune").steps[-1].status == "done"
    pinned = workshop.run("tune", pins={"model:odd": 1})
    assert {one.name: one.cached for one in pinned.steps}["carry_on"]
    newest = workshop.run("tune")
    assert registrar.seen[-1].parent != Ref("model", "odd", 1)
    assert not {one.name: one.cached for one in newest.steps}["carry_on"]


def test_a_recipe_repeats_the_parent_or_takes_its_replacement(workshop: Any, registrar: Registrar):
    child = workshop.run("tune_first").model
    with workshop.ledger.read() as tx:
        recipe = recipe_of(tx, tx.versions.get(child), reason="again")
    assert recipe is not None
    assert recipe["pins"] == {"trips": 1, "model:odd": 1, "model:odd@1": 1}
    instead = pins_of_parent(Ref("model", "odd", 1), Ref("model", "odd", 2))
    workshop.run("tune_first", pins={**recipe["pins"], **instead})
    assert registrar.seen[-1].parent == Ref("model", "odd", 2)


def test_a_search_tries_several_ways_to_go_on_from_a_parent(workshop: Any, registrar: Registrar):
    result = workshop.run("tune_widely")
    assert result.model == Ref("model", "odd", 2)
    parents = [request.parent for request in registrar.seen[1:]]
    assert parents == [Ref("model", "odd", 1)]
    with workshop.ledger.read() as tx:
        trials = [run for run in tx.runs.list(kind="step") if "trial" in run.tags]
        read = {edge.child for edge in tx.graph.impact(Ref("model", "odd", 1)).edges}
        version = tx.versions.get(result.model)
        recipe = recipe_of(tx, version, reason="again")
    assert sorted(run.params["rounds"] for run in trials) == ["1", "2", "4"]
    assert {run.ref for run in trials} <= read, "each trial's run names the parent"
    best = load_artifact(registrar.seen[-1].model, workshop.blobs)
    first = load_artifact(registrar.seen[0].model, workshop.blobs)
    rows = max(run.metrics["seen"] for run in trials) / 4
    assert best.estimator.t_ - first.estimator.t_ == 4 * rows
    assert recipe is not None
    assert recipe["pins"]["model:odd"] == 1

    again = workshop.run("tune_widely", pins=recipe["pins"])
    assert len([one for one in again.steps if one.cached and "/trial-" in one.name]) == 3


def test_a_model_of_the_same_run_is_nobodys_parent(workshop: Any, registrar: Registrar):
    assert workshop.run("tune_own").model == Ref("model", "odd", 2)
    assert registrar.seen[-1].parent is None


def test_nothing_goes_on_from_what_is_condemned(workshop: Any, registrar: Registrar):
    with workshop.ledger.write() as tx:
        tx.versions.set_state(Ref("model", "odd", 1), "condemned", reason="an erasure")
    with pytest.raises(NotFound, match="is condemned"):
        workshop.run("tune_first")
    with pytest.raises(NotFound, match="no approved version"):
        workshop.run("tune")


@pytest.mark.parametrize(
    ("pipeline", "why"),
    [
        ("of_two", "goes on from several models"),
        ("of_nobody", "has 0 free parameters"),
        ("of_a_data_set", "'dataset:trips' is no registered model"),
    ],
)
def test_what_can_not_be_meant_is_refused_before_anything_runs(
    workshop: Any, registrar: Registrar, pipeline: str, why: str
):
    with pytest.raises(InvalidProject, match=why):
        workshop.run(pipeline)
    assert len(registrar.seen) == 1


def test_outside_of_a_pipeline_it_says_so(workshop: Any, registrar: Registrar):
    import towpath as tp

    with pytest.raises(InvalidProject, match="outside of a pipeline"):
        tp.finetune("odd", workshop.load("carry_on"), rows=None)
