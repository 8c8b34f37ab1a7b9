"""How a model that a pipeline proposes reaches its judge, and what the verdict does to the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from towpath.assets.code import environment_digest
from towpath.build.pipelines import (
    CandidateOutcome,
    CandidateRequest,
    Verdict,
    load_artifact,
)
from towpath.core.errors import Unavailable
from towpath.core.refs import Ref

PROJECT = """
    from datetime import datetime
    import polars as pl
    from sklearn.linear_model import LogisticRegression
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
    def fit(rows: pl.DataFrame, *, strength: float = 1.0) -> tp.Model:
        tp.log_metric("fitted", rows.height)
        return tp.Model.fit(LogisticRegression(C=strength), rows.select("z"), rows["y"])

    @tp.pipeline
    def train(strength: float = 1.0):
        past, recent = tp.split(label(trips.last("30d")), by="at", last="12h")
        return tp.candidate("odd", fit(past, strength=strength), test=recent)
"""


@dataclass
class Judge:
    verdict: Verdict = "pass"
    error: Exception | None = None
    seen: list[CandidateRequest] = field(default_factory=list)

    def consider(self, request: CandidateRequest) -> CandidateOutcome:
        self.seen.append(request)
        if self.error is not None:
            raise self.error
        version = Ref("model", request.name, 1)
        return CandidateOutcome(version=version, verdict=self.verdict, report_markdown="# Odd")


@pytest.fixture
def judge(workshop: Any) -> Judge:
    workshop.write("toy.py", PROJECT)
    workshop.candidates = Judge()
    return workshop.candidates


def test_the_judge_is_given_all_there_is_to_know(workshop: Any, judge: Judge) -> None:
    result = workshop.run(params={"strength": "0.5"})

    (request,) = judge.seen
    assert result.status == "finished"
    assert (result.model, result.verdict) == (Ref("model", "odd", 1), "pass")
    assert result.report_markdown == "# Odd"
    assert (request.project, request.pipeline, request.name) == ("toy", "train", "odd")
    assert request.run_id == result.run_id
    assert request.code == Ref("code", "toy", 1)
    assert request.datasets == (Ref("dataset", "trips", 1),)
    assert request.params == {"strength": 0.5}
    assert request.metrics == {"fitted": 36.0}
    assert request.lock == environment_digest()
    assert workshop.blobs.exists(request.lock)
    assert load_artifact(request.test, workshop.blobs).height == 12
    assert [load_artifact(one, workshop.blobs).height for one in request.training] == [36]
    model = load_artifact(request.model, workshop.blobs)
    assert model.outcome == "y"


def test_model_and_test_rows_belong_to_the_runs_lineage(workshop: Any, judge: Judge) -> None:
    result = workshop.run()

    with workshop.ledger.read() as tx:
        reached = set(tx.graph.trace(Ref("run", result.run_id)).nodes)
        run = tx.runs.get(result.run_id)
    assert {judge.seen[0].model.ref, judge.seen[0].test.ref} <= reached
    assert {Ref("run", step.run_id) for step in result.steps} <= reached
    assert (run.tags["verdict"], run.tags["model"]) == ("pass", "model:odd@1")


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_a_verdict_against_the_model_refuses_the_run(
    workshop: Any, judge: Judge, verdict: Verdict
) -> None:
    judge.verdict = verdict

    result = workshop.run()

    assert (result.status, result.verdict) == ("refused", verdict)
    with workshop.ledger.read() as tx:
        assert tx.runs.get(result.run_id).status == "finished"


def test_a_cached_model_is_judged_again(workshop: Any, judge: Judge) -> None:
    workshop.run()
    again = workshop.run()

    assert {step.status for step in again.steps} == {"hit"}
    assert len(judge.seen) == 2
    assert judge.seen[0].model == judge.seen[1].model
    assert judge.seen[1].metrics == {"fitted": 36.0}


def test_a_judge_in_trouble_fails_the_run_and_says_why(workshop: Any, judge: Judge) -> None:
    judge.error = Unavailable("the registry is away")

    result = workshop.run()

    assert result.status == "failed"
    assert result.error is judge.error
    with workshop.ledger.read() as tx:
        assert tx.runs.get(result.run_id).status == "failed"


def test_without_a_judge_a_model_is_made_and_not_judged(workshop: Any, judge: Judge) -> None:
    workshop.candidates = None

    result = workshop.run()

    assert (result.status, result.model, result.verdict) == ("finished", None, None)


def test_progress_tells_of_the_judgement(workshop: Any, judge: Judge) -> None:
    workshop.run()

    told = [(one.kind, one.step, one.detail) for one in workshop.heard[-2:]]
    assert told == [("considering", "odd", ""), ("considered", "odd", "pass")]
