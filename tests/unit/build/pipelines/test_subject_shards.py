"""A model of shards: each constituent learns from one shard of the subjects, and is made again alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from towpath.assets.datasets import load_manifest
from towpath.assets.models import Model, ensemble, load_predictor, save_model
from towpath.core.errors import InvalidProject, UsageError
from towpath.core.refs import Ref
from towpath.trace.erasure.derived import derived_from
from towpath.trace.erasure.phases.purge import forget_executions
from towpath.trace.erasure.remaking import remaking_of
from towpath.trace.erasure.sparing import spared_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.storage.blobs import BlobStore

SHARDS = 4
PROJECT = """
    from datetime import datetime

    import polars as pl
    from sklearn.linear_model import LinearRegression

    import towpath as tp


    class Trip(tp.Schema):
        trip: str
        who: str
        at: datetime
        x: float


    rides = tp.Dataset("rides", schema=Trip, key="trip", time="at", subject="who", buckets=8)


    @tp.step
    def learn(rows: pl.DataFrame) -> tp.Model:
        rows = rows.sort("trip").with_columns(y=pl.col("x") * 3 + 1)
        return tp.Model.fit(LinearRegression(), rows.select("x"), rows["y"])


    @tp.step
    def together(parts: list[tp.Model]) -> tp.Model:
        return tp.ensemble(parts)


    @tp.step
    def whom(rows: pl.DataFrame) -> list[str]:
        return sorted(set(rows["who"]))


    @tp.pipeline
    def train():
        return together([learn(rides.shard(k, of=4)) for k in range(4)])


    @tp.pipeline
    def look():
        return {str(k): whom(rides.shard(k, of=4).last("30d")) for k in range(4)}
"""


@pytest.fixture
def shared(workshop: Any) -> Any:
    """The workshop with rides of forty people, in a data set of eight buckets."""
    workshop.write("toy.py", PROJECT)
    numbers = range(200)
    rows = pl.DataFrame(
        {
            "trip": [f"s{n:04}" for n in numbers],
            "who": [f"p{n % 40}" for n in numbers],
            "at": [workshop.clock.now() - timedelta(hours=n + 1) for n in numbers],
            "x": [float(n % 7) for n in numbers],
        }
    )
    workshop.datasets.commit(workshop.load("rides"), rows, project="toy")
    return workshop


def done(result: Any) -> dict[str, list[str]]:
    """Return the steps of a run by whether they were computed."""
    assert result.status == "finished", result.error
    found: dict[str, list[str]] = {}
    for step in result.steps:
        found.setdefault(step.status, []).append(step.name.partition("-")[0].partition("[")[0])
    return found


def erase(shared: Any, who: str) -> int:
    """Do what an erasure does with data sets and what was made from them; return the steps forgotten."""
    erased = shared.datasets.erase(who, "rides")
    sources = [one.ref for one in erased.versions]
    spared = spared_steps(shared.ledger, shared.blobs, sources)
    with shared.ledger.write() as tx:
        derived = derived_from(tx, sources, before=None, spared=spared)
        dropped = forget_executions(tx, derived.artefacts)
    for digest in derived.artefacts:
        if shared.blobs.exists(digest):
            shared.blobs.delete(digest)
    return dropped


def test_shares_part_the_subjects(shared: Any) -> None:
    result = shared.run("look")
    people = [set(shared.value(result, str(k))) for k in range(SHARDS)]
    assert sum(map(len, people)) == len(set().union(*people)) > 30
    assert all(people)


def test_an_erasure_makes_one_constituent_again(shared: Any) -> None:
    version = shared.datasets.versions("rides")[-1].ref.version
    first = shared.run(pins={"rides": version})
    assert {name: len(steps) for name, steps in done(first).items()} == {"done": 5}
    assert erase(shared, "p7") == 2  # the constituent of their shard, and what was put together
    again = shared.run(pins={"rides": version})
    steps = done(again)
    assert sorted(steps["done"]) == ["learn", "together"]
    assert steps["hit"] == ["learn"] * 3


def test_how_it_was_made_again_is_told_from_the_ledger(shared: Any) -> None:
    version = shared.datasets.versions("rides")[-1].ref.version
    first = shared.run(pins={"rides": version})
    erase(shared, "p7")
    again = shared.run(pins={"rides": version})
    with shared.ledger.read() as tx:
        told = remaking_of(tx, first.run_id, again.run_id)
        assert remaking_of(tx, None, again.run_id)["method"] == "retrain"
    assert (told["method"], told["shards"]) == ("sisa", SHARDS)
    assert told["steps"] == {"computed": 2, "found": SHARDS - 1}
    (shard,) = told["again"]
    assert shard["dataset"] == f"dataset:rides@{version}"
    assert shard["before"] != shard["after"]
    assert shared.blobs.exists(shard["after"])
    assert not shared.blobs.exists(shard["before"])


def test_a_plan_spares_what_the_erasure_is_going_to(shared: Any) -> None:
    version = shared.datasets.versions("rides")[-1].ref.version
    shared.run(pins={"rides": version})
    sources = shared.datasets.holds("rides", "p7")
    ahead: dict[str, frozenset[str]] = {}
    with shared.ledger.read() as tx:
        for ref in sources:
            manifest = load_manifest(shared.blobs, tx.versions.get(ref).body["manifest"])
            ahead[str(ref)] = frozenset(one.digest for one in manifest.of_subject("p7"))
    planned = spared_steps(shared.ledger, shared.blobs, sources, ahead=ahead)
    erased = [one.ref for one in shared.datasets.erase("p7", "rides").versions]
    assert erased == sources
    assert len(planned) == SHARDS - 1
    assert planned == spared_steps(shared.ledger, shared.blobs, sources)


def test_all_shares_that_an_erasure_touched_go(shared: Any) -> None:
    version = shared.datasets.versions("rides")[-1].ref.version
    shared.run(pins={"rides": version})
    with shared.ledger.read() as tx:
        everything = derived_from(tx, [Ref("dataset", "rides", version)])
    for who in (f"p{n}" for n in range(40)):
        erase(shared, who)
    with shared.ledger.read() as tx:
        assert tx.cache.using(everything.artefacts) == []


def test_a_step_that_reads_the_whole_is_never_spared(shared: Any) -> None:
    shared.change("learn(rides.shard(k, of=4)) for k in range(4)", "learn(rides.all())")
    version = shared.datasets.versions("rides")[-1].ref.version
    shared.run(pins={"rides": version})
    erased = shared.datasets.erase("p7", "rides")
    assert not spared_steps(shared.ledger, shared.blobs, [one.ref for one in erased.versions])


def test_shares_that_can_not_be_are_refused(shared: Any) -> None:
    rides = shared.load("rides")
    for index, of in ((4, 4), (-1, 4), (0, 9)):
        with pytest.raises(InvalidProject, match="no shard"):
            rides.shard(index, of=of)


@pytest.fixture
def fitted() -> Callable[..., Model]:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    def fit(seed: int, *, classes: bool, name: str = "x") -> Model:
        drawn = np.random.default_rng(seed)
        rows = pl.DataFrame({name: drawn.normal(size=50), "z": drawn.normal(size=50)})
        truth = rows[name] + 0.5 * drawn.normal(size=50)
        outcome = (truth > 0).cast(pl.Int64) if classes else truth
        return Model.fit(
            LogisticRegression() if classes else LinearRegression(), rows, outcome.rename("y")
        )

    return fit


@pytest.mark.parametrize("classes", [False, True])
def test_an_ensemble_answers_with_the_mean_and_is_kept(
    classes: bool, fitted: Callable[..., Model], disk_blobs: BlobStore
) -> None:
    parts = [fitted(seed, classes=classes) for seed in range(3)]
    rows = {"x": [0.3, -1.0], "z": [0.1, 2.0]}
    answers = [_answer(one, rows, disk_blobs) for one in parts]
    assert np.allclose(_answer(ensemble(parts), rows, disk_blobs), np.mean(answers, axis=0))


def _answer(model: Model, rows: dict[str, list[float]], blobs: BlobStore) -> Any:
    return load_predictor(save_model(model, blobs), blobs).predict(rows)["y"]


def test_constituents_that_do_not_fit_together_are_refused(fitted: Callable[..., Model]) -> None:
    one = fitted(1, classes=False)
    for others in ([], [one, fitted(2, classes=True)], [one, fitted(2, classes=False, name="w")]):
        with pytest.raises(UsageError, match=r"ensemble"):
            ensemble(others)
