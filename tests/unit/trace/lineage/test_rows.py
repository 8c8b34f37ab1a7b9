"""What rows reached is exactly what a reader of everything finds, through windows, splits and models."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.datasets.splits import Split, commit_split
from towpath.build.pipelines import READS_TAG, Read
from towpath.core.errors import NotFound, UsageError
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.trace.lineage import LedgerRowTracer, LedgerTracer

START = datetime(2013, 1, 1, tzinfo=UTC)
HOURS = 8


class Ride(Schema):
    ride: int
    rider: str
    at: datetime
    origin: str


def rides(name: str) -> Dataset:
    return Dataset(
        name, schema=Ride, key="ride", time="at", subject="rider", subject_field="rider", buckets=2
    )


def frame(rows: dict[int, tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ride": list(rows),
            "rider": [rider for rider, _ in rows.values()],
            "at": [START + timedelta(hours=ride) for ride in rows],
            "origin": [origin for _, origin in rows.values()],
        },
        schema_overrides={"ride": pl.Int64, "at": pl.Datetime("us", "UTC")},
    )


@pytest.fixture
def store(sqlite_ledger, disk_blobs, keyring):
    return ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring)


@pytest.fixture
def tracer(sqlite_ledger, disk_blobs, keyring, decisions):
    graph = LedgerTracer(sqlite_ledger, decisions)
    return LedgerRowTracer(sqlite_ledger, disk_blobs, keyring, decisions, graph)


def train(ledger: Any, model: str, reads: list[Read] | None, *, used: list[str]) -> str:
    """Record a run that read windows of versions and made a model; None: from before they were kept."""
    tags = {} if reads is None else {READS_TAG: msgspec.json.encode(reads).decode()}
    with ledger.write() as tx:
        run = tx.runs.start(kind="pipeline", name="train", project="rides", tags=tags)
        for ref in used:
            tx.graph.link(run.ref, "used", Ref.parse(ref))
        tx.versions.declare("model", model, project="rides")
        tx.versions.commit("model", model, digest=new_id() * 2, body={}, made_by=run.id)
        tx.runs.finish(run.id, "finished")
    return run.id


def window(first: int | None, last: int | None) -> dict[str, str | None]:
    """A window of hours, as a run keeps it."""
    since, until = (
        None if hour is None else (START + timedelta(hours=hour)).isoformat()
        for hour in (first, last)
    )
    return {"since": since, "until": until}


tables = st.dictionaries(
    st.integers(0, HOURS - 1),
    st.tuples(st.sampled_from(["ada", "bob"]), st.sampled_from(["EWR", "JFK"])),
    min_size=1,
)
bounds = st.one_of(st.none(), st.integers(0, HOURS))
trainings = st.lists(
    st.tuples(st.integers(0, 9), bounds, bounds).filter(
        lambda one: one[1] is None or one[2] is None or one[1] < one[2]
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(tables, min_size=1, max_size=4), runs=trainings, at=st.integers(0, 9))
def test_models_reached_are_those_whose_windows_held_a_row(
    *, history: Any, runs: Any, at: int, sqlite_ledger: Any, store: Any, tracer: Any
):
    name = f"rides{new_id()}"
    for table in history:
        store.commit(rides(name), frame(table), project="rides", mode="merge")
    count = len(store.versions(name))
    trained: dict[str, tuple[Ref, int | None, int | None]] = {}
    for number, first, last in runs:
        ref = Ref("dataset", name, number % count + 1)
        model = f"m{new_id()}"
        read = Read(ref=str(ref), **window(first, last))
        train(sqlite_ledger, model, [read], used=[str(ref)])
        trained[f"model:{model}@1"] = (ref, first, last)
    picked = Ref("dataset", name, at % count + 1)
    found = tracer.impact(picked, "origin = 'JFK'")

    bad = set(store.scan(picked).filter(pl.col("origin") == "JFK").collect().iter_rows())
    expected: dict[str, int] = {}
    for model, (ref, first, last) in trained.items():
        held = bad & set(store.scan(ref).collect().iter_rows())
        inside = [
            row
            for row in held
            if (first is None or row[0] >= first) and (last is None or row[0] < last)
        ]
        if inside:
            expected[model] = len(inside)
    assert {model.ref: model.rows for model in found.models} == expected
    reading = {run for model in found.models for run in model.runs}
    assert {read.run for read in found.reads} == reading


@pytest.fixture
def batch(store):
    store.commit(
        rides("rides"),
        frame({1: ("ada", "JFK"), 2: ("bob", "EWR"), 5: ("bob", "JFK")}),
        project="r",
    )
    return Ref("dataset", "rides", 1)


def test_a_run_that_says_no_window_counts_as_having_read_all(batch, sqlite_ledger, tracer):
    train(sqlite_ledger, "late", None, used=["dataset:rides@1"])
    (read,) = tracer.impact(batch, "ride = 1").reads
    assert (read.rows, read.windowed) == (1, False)


def test_rows_are_followed_into_the_parts_of_a_split(batch, store, sqlite_ledger, tracer):
    split = Split(by="random", columns=("ride",), shares=(0.5, 0.5), seed=3)
    parts = commit_split(
        sqlite_ledger, store, rides("rides"), split, names=["train", "test"], project="r"
    )
    train(sqlite_ledger, "late", [Read(ref=str(parts[0].ref))], used=[str(parts[0].ref)])
    for ride in (1, 2, 5):
        held = ride in set(store.scan(parts[0].ref).collect()["ride"])
        found = tracer.impact(batch, f"ride = {ride}")
        assert [model.ref for model in found.models] == (["model:late@1"] if held else [])
        assert found.derived == ()


def test_what_can_not_be_looked_into_counts_as_reached_whole(batch, sqlite_ledger, tracer):
    with sqlite_ledger.write() as tx:
        build = tx.runs.start(kind="features", name="spend", project="r")
        tx.graph.link(build.ref, "used", batch)
        tx.versions.declare("features", "spend", project="r")
        tx.versions.commit("features", "spend", digest="f" * 64, body={}, made_by=build.id)
    train(sqlite_ledger, "late", [], used=["features:spend@1"])
    found = tracer.impact(batch, "ride = 1")
    assert found.derived == ("features:spend@1",)
    assert [(model.ref, model.rows) for model in found.models] == [("model:late@1", None)]


def test_what_was_fine_tuned_from_a_model_is_reached_and_a_challenger_is_not(
    batch, sqlite_ledger, tracer
):
    train(sqlite_ledger, "late", [Read(ref="dataset:rides@1")], used=["dataset:rides@1"])
    train(sqlite_ledger, "rival", [], used=["model:late@1"])
    train(sqlite_ledger, "tuned", [], used=[])
    with sqlite_ledger.write() as tx:
        tx.graph.link(Ref("model", "tuned", 1), "tuned", Ref("model", "late", 1))
        tx.versions.declare("release", "prod", project="towpath")
        tx.versions.commit("release", "prod", digest="e" * 64, body={})
        tx.graph.link(Ref("release", "prod", 1), "includes", Ref("model", "tuned", 1))
    found = tracer.impact(batch, "ride = 1")
    assert [model.ref for model in found.models] == ["model:late@1", "model:tuned@1"]
    assert found.releases == ("release:prod@1",)


def test_decisions_of_the_models_are_counted_by_service_and_day(
    batch, sqlite_ledger, tracer, record
):
    train(sqlite_ledger, "late", [Read(ref="dataset:rides@1")], used=["dataset:rides@1"])
    for _ in range(3):
        record(model="model:late@1")
    record(model="model:other@1")
    found = tracer.impact(batch, "ride = 1")
    assert found.decisions == 3
    (one,) = found.answered
    assert (one.service, one.model, str(one.day)) == ("delay-board", "model:late@1", "2013-03-01")
    assert found.to_json(limit=0)["totals"]["answered"] == 1


def test_keys_are_hashes_unless_asked_for_and_every_look_is_recorded(
    batch, sqlite_ledger, tracer, keyring
):
    hashed = tracer.impact(batch, "rider = 'ada'", actor="eve")
    plain = tracer.impact(batch, "rider = 'ada'", plain_keys=True)
    assert plain.keys == ("1",)
    assert hashed.keys == (keyring.subject_hash("row:rides", "1"),)
    with sqlite_ledger.read() as tx:
        events = tx.events.read(types=["rows.traced"])
    assert [event.actor for event in events] == ["eve", "towpath"]
    assert events[0].payload == {"rows": 1, "columns": ["rider"], "plain_keys": False}
    assert events[1].payload["plain_keys"]


def test_a_row_leads_back_to_the_version_that_it_came_with(batch, store, sqlite_ledger, tracer):
    store.commit(rides("rides"), frame({7: ("cyd", "EWR")}), project="r")
    store.commit(rides("rides"), frame({1: ("ada", "EWR")}), project="r", mode="merge")
    tree = tracer.trace_row(Ref("dataset", "rides", 3), "7", plain_keys=True)
    assert tree.root.ref == "row:rides#7"
    assert tree.root.facts["since"] == "dataset:rides@2"
    assert [child.ref for child in tree.root.children] == ["dataset:rides@2"]
    corrected = tracer.trace_row(Ref("dataset", "rides", 3), "ride=1")
    assert corrected.root.facts["since"] == "dataset:rides@3"
    assert corrected.root.facts["otherwise_in"] == ["dataset:rides@1", "dataset:rides@2"]
    with pytest.raises(NotFound, match="no row with that key"):
        tracer.trace_row(Ref("dataset", "rides", 3), "99")


def test_a_persons_rows_are_found_in_every_data_set_about_them(batch, store, sqlite_ledger, tracer):
    store.commit(rides("rides"), frame({2: ("bob", "JFK")}), project="r", mode="merge")
    train(sqlite_ledger, "early", [Read(ref="dataset:rides@1", **window(0, 2))], used=[str(batch)])
    train(sqlite_ledger, "late", [Read(ref="dataset:rides@2")], used=["dataset:rides@2"])
    (found,) = tracer.impact_of_subject("rider", "bob")
    assert found.ref == "dataset:rides"
    assert [(one.ref, one.rows) for one in found.versions] == [
        ("dataset:rides@1", 2),
        ("dataset:rides@2", 2),
    ]
    assert found.rows == 3
    assert [model.ref for model in found.models] == ["model:late@1"]
    assert found.spared == 1
    assert tracer.impact_of_subject("rider", "nobody") == []
    with pytest.raises(NotFound, match="subject field"):
        tracer.impact_of_subject("ridr", "bob")


@pytest.mark.parametrize("where", ["origin =", "nope = 1", "ride = 'x'"])
def test_a_condition_that_can_not_be_meant_is_refused(batch, tracer, where):
    with pytest.raises(UsageError):
        tracer.impact(batch, where)
