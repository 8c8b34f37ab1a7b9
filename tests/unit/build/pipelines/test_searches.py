"""Searches in real runs: inline and in processes, pruned, continued, and chosen from by the gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.compute import LocalExecutor
from towpath.build.pipelines import CandidateOutcome, CandidateRequest
from towpath.build.tuning import SearchReader
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from towpath.build.pipelines import PipelineResult, Verdict

PROJECT = """
    import time
    from pathlib import Path

    import polars as pl
    from sklearn.linear_model import LogisticRegression

    import towpath as tp


    class Trip(tp.Schema):
        trip: str
        who: str
        x: float


    trips = tp.Dataset("trips", schema=Trip, key="trip", subject="who")


    @tp.step(inline=True)
    def base() -> float:
        return 2.0


    @tp.step(inline=True)
    def quick(base: float, x: float, kind: str = "a") -> float:
        tp.log_metric("m", x * base)
        return x * base


    @tp.step
    def slow(base: float, x: float, folder: str) -> float:
        tp.report(1, x)
        if x < 0.5:
            Path(folder, f"slow-{x}").touch()
            while True:
                time.sleep(0.01)
        tp.log_metric("m", x)
        return x


    @tp.step(inline=True)
    def double(best: float) -> float:
        return best * 2


    @tp.step(inline=True)
    def label(rows: pl.DataFrame) -> pl.DataFrame:
        odd = pl.col("trip").str.tail(1).cast(pl.Int64) % 2
        return rows.with_columns(odd.alias("y"), (odd + pl.col("x") / 10).alias("z"))


    @tp.step(inline=True)
    def fit(rows: pl.DataFrame, *, strength: float = 1.0) -> tp.Model:
        tp.log_metric("m", strength)
        return tp.Model.fit(LogisticRegression(C=strength), rows.select("z"), rows["y"])


    @tp.pipeline
    def plain(trials: int = 6, seed: int = 0):
        best = tp.search(
            quick, base(), x=(0.0, 1.0), kind=["a", "b"], trials=trials, seed=seed, maximize="m"
        )
        return double(best)


    @tp.pipeline
    def pruned(folder: str):
        points = [{"x": 0.9 - n / 100} for n in range(5)] + [{"x": 0.1}, {"x": 0.95}]
        return tp.search(
            slow, base(), folder=folder, x=(0.0, 1.0), trials=7, enqueue=points, maximize="m",
            prune="median",
        )


    @tp.pipeline
    def proposed(keep: int = 3):
        rows = label(trips.all())
        strengths = [0.1, 0.5, 1.0, 2.0]
        best = tp.search(
            fit, rows, strength=strengths, sampler="grid", maximize="m", keep=keep
        )
        return tp.candidate("odd", best, test=rows)
"""


@dataclass
class Judge:
    """Says of the candidates, in turn, what it was told to say."""

    verdicts: Sequence[Verdict]
    seen: list[CandidateRequest] = field(default_factory=list)

    def consider(self, request: CandidateRequest) -> CandidateOutcome:
        self.seen.append(request)
        number = len(self.seen)
        return CandidateOutcome(
            version=Ref("model", request.name, number), verdict=self.verdicts[number - 1]
        )


@pytest.fixture
def project(workshop: Any) -> Any:
    workshop.write("toy.py", PROJECT)
    return workshop


@pytest.fixture
def isolated(project: Any) -> Iterator[Any]:
    with LocalExecutor(cpus=2, preload=()) as executor:
        project.executor = executor
        yield project


def statuses(result: PipelineResult) -> dict[str, str]:
    return {step.name: step.status for step in result.steps}


def test_the_best_goes_on_through_the_pipeline(project: Any) -> None:
    result = project.run("plain")

    view = SearchReader(project.ledger, project.blobs).show(result.run_id)
    xs = [trial.point["x"] for trial in view.trials]
    assert result.status == "finished"
    assert project.value(result) == max(xs) * 4
    assert len(set(xs)) == 6
    assert [name for name in statuses(result) if name.startswith("search")] == [
        "search-quick",
        *(f"search-quick/trial-{number}" for number in range(6)),
    ]


def test_the_same_search_is_taken_from_the_cache_and_a_longer_one_goes_on(project: Any) -> None:
    first = project.run("plain")
    again = project.run("plain")
    longer = project.run("plain", params={"trials": 9})

    hits = {name: one for name, one in statuses(again).items() if "trial" in name}
    assert set(hits.values()) == {"hit"}
    assert len(hits) == 6
    assert project.value(again) == project.value(first)
    trials = [one for name, one in statuses(longer).items() if "trial" in name]
    assert trials == ["hit"] * 6 + ["done"] * 3


def test_another_seed_searches_elsewhere_and_shares_nothing(project: Any) -> None:
    project.run("plain")
    other = project.run("plain", params={"seed": 1})
    assert "hit" not in {one for name, one in statuses(other).items() if "trial" in name}


def test_searches_agree_whether_steps_have_processes_or_not(project: Any) -> None:
    inline = project.run("plain", params={"trials": 4})
    project.change("@tp.step(inline=True)\ndef quick", "@tp.step\ndef quick")
    with LocalExecutor(cpus=2, preload=()) as executor:
        project.executor = executor
        alone = project.run("plain", params={"trials": 4})
    assert project.value(alone) == project.value(inline)


def test_a_hopeless_trial_is_killed_while_it_runs(isolated: Any, tmp_path: Any) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()

    result = isolated.run("pruned", params={"folder": str(folder)})

    view = SearchReader(isolated.ledger, isolated.blobs).show(result.run_id)
    assert result.status == "finished"
    assert [trial.state for trial in view.trials] == ["done"] * 5 + ["pruned", "done"]
    assert view.trials[5].curve == ((1, 0.1),)
    assert "worse at step 1" in view.trials[5].why
    assert isolated.value(result) == 0.95
    (folder / "slow-0.1").unlink(missing_ok=True)
    again = isolated.run("pruned", params={"folder": str(folder)})
    assert list(folder.iterdir()) == []  # it was not begun again
    assert isolated.value(again) == 0.95
    with isolated.ledger.read() as tx:
        assert tx.runs.list(status="running") == []


@pytest.mark.parametrize(
    ("verdicts", "taken", "weighed"),
    [
        (["pass"], 1, [2.0]),
        (["fail", "pass"], 2, [2.0, 1.0]),
        (["fail", "inconclusive", "pass"], 3, [2.0, 1.0, 0.5]),
        (["fail", "inconclusive", "fail"], 1, [2.0, 1.0, 0.5]),
    ],
)
def test_the_first_of_the_pool_that_passes_wins(
    project: Any, verdicts: list[Verdict], taken: int, weighed: list[float]
) -> None:
    project.candidates = judge = Judge(verdicts)

    result = project.run("proposed")

    assert result.model == Ref("model", "odd", taken)
    assert result.verdict == verdicts[taken - 1]
    assert result.status == ("finished" if "pass" in verdicts else "refused")
    assert [request.metrics["m"] for request in judge.seen] == weighed
    assert {request.rivals for request in judge.seen} == {3}
    assert all(len(request.training) == 1 for request in judge.seen)


def test_a_pool_of_one_is_weighed_as_a_single_candidate(project: Any) -> None:
    project.candidates = judge = Judge(["fail"])
    assert project.run("proposed", params={"keep": 1}).status == "refused"
    assert [request.rivals for request in judge.seen] == [1]


def test_the_best_metrics_are_the_search_s_own(project: Any) -> None:
    result = project.run("proposed")
    with project.ledger.read() as tx:
        (search,) = tx.runs.list(kind="search", parent=result.run_id)
    assert search.metrics == {"m": 2.0}
    assert search.tags["best"] == "3"


def test_lineage_leads_from_the_winner_to_the_rows_that_its_trial_read(project: Any) -> None:
    project.candidates = judge = Judge(["pass"])
    project.run("proposed")
    with project.ledger.read() as tx:
        nodes = tx.graph.trace(Ref("artifact", judge.seen[0].model.digest)).nodes
    assert Ref("dataset", "trips", 1) in nodes
