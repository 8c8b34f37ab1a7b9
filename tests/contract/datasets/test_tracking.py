"""Rows are followed through any history exactly: by key and content, whatever lies over what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.datasets.history import LedgerDatasetHistory, RowTracker
from towpath.core.errors import UsageError
from towpath.core.ids import new_id
from towpath.core.refs import Ref

START = datetime(2013, 1, 1, tzinfo=UTC)
PLACES = ("EWR", "JFK")


class Ride(Schema):
    ride: int
    rider: str
    at: datetime
    origin: str
    fare: float | None


RIDES = Dataset(
    "rides", schema=Ride, key="ride", time="at", subject="rider", subject_field="rider", buckets=2
)

# Few keys and a person who mostly stays theirs: later rows lie over earlier ones as often as can be.
keys = st.integers(0, 5)
rides = st.fixed_dictionaries(
    {
        "rider": st.sampled_from(["ada", "ada", "ada", "bob"]),
        "origin": st.sampled_from(PLACES),
        "fare": st.sampled_from([None, 1.0, 2.0]),
    }
)
tables = st.dictionaries(keys, rides, min_size=1, max_size=4)
steps = st.one_of(
    st.tuples(st.sampled_from(["merge", "merge", "merge", "append", "overwrite"]), tables),
    st.tuples(st.just("delete"), st.lists(keys, min_size=1, max_size=4, unique=True)),
    st.tuples(st.sampled_from(["compact", "branch"]), st.none()),
    st.tuples(st.just("erase"), st.sampled_from(["ada", "bob"])),
)


def frame(rows: dict[int, dict[str, Any]]) -> pl.DataFrame:
    table = [
        {"ride": ride, "at": START + timedelta(hours=ride), **row} for ride, row in rows.items()
    ]
    schema = {"ride": pl.Int64, "at": pl.Datetime("us", "UTC"), "rider": pl.String}
    return pl.DataFrame(table, schema={**schema, "origin": pl.String, "fare": pl.Float64})


def make(store: ParquetDatasetStore, history: LedgerDatasetHistory, name: str, step: Any) -> None:
    """Carry one step of a history out; one that the store refuses leaves nothing."""
    how, what = step
    dataset = Dataset(
        name, schema=Ride, key="ride", time="at", subject="rider", subject_field="rider", buckets=2
    )
    match how:
        case "compact":
            store.compact(name)
        case "branch":
            history.branch(Ref("dataset", name), f"b{new_id()[-8:]}")
        case "erase":
            store.erase(what, name)
        case "delete":
            store.commit(dataset, pl.DataFrame({"ride": what}), project="rides", mode="delete")
        case "append":
            held = set(store.scan(Ref("dataset", name)).collect()["ride"])
            fresh = {ride: row for ride, row in what.items() if ride not in held}
            if fresh:
                store.commit(dataset, frame(fresh), project="rides", mode="append")
        case _:
            store.commit(dataset, frame(what), project="rides", mode=how)


def whole(store: ParquetDatasetStore, ref: Ref) -> dict[int, tuple[Any, ...]]:
    """Read a version the plain way: every live row by its key."""
    rows = store.scan(ref).collect().select("ride", "rider", "at", "origin", "fare")
    return {row[0]: row for row in rows.iter_rows()}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    first=st.dictionaries(keys, rides, min_size=4),
    later=st.lists(steps, min_size=2, max_size=7),
    origin=st.sampled_from(PLACES),
    at=st.integers(0, 3),
)
def test_tracked_rows_are_what_a_reader_of_every_version_finds(
    *,
    sqlite_ledger: Any,
    disk_blobs: Any,
    keyring: Any,
    first: Any,
    later: Any,
    origin: str,
    at: int,
):
    name = f"rides{new_id()}"
    store = ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring)
    history = LedgerDatasetHistory(sqlite_ledger, disk_blobs)
    for step in [("merge", first), *later]:
        make(store, history, name, step)
    versions = store.versions(name)
    picked = versions[at % len(versions)].ref
    tracked = RowTracker(sqlite_ledger, disk_blobs).track(picked, pl.col("origin") == origin)

    wanted = {key: row for key, row in whole(store, picked).items() if row[3] == origin}
    assert {row[0] for row in tracked.rows.select("ride").iter_rows()} == set(wanted)
    with sqlite_ledger.read() as tx:
        lines = [one.name for one in tx.versions.assets("dataset", prefix=name)]
    refs = {version.ref for line in lines for version in store.versions(line)}
    assert {one.version.ref for one in tracked.carried} == refs
    for one in tracked.carried:
        held = whole(store, one.version.ref)
        same = {key for key, row in wanted.items() if held.get(key) == row}
        assert set(tracked.rows["ride"].gather(one.places)) == same
        assert one.rows == len(same)
        assert one.changed == len([key for key in wanted if key in held and key not in same])
    middle = START + timedelta(hours=4)
    for one in tracked.carried:
        inside = tracked.inside(one.places, None, middle)
        found = set(tracked.rows["ride"].gather(inside))
        assert found == {key for key in tracked.rows["ride"].gather(one.places) if key < 4}


@pytest.fixture
def rides(sqlite_ledger, disk_blobs, keyring):
    store = ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring)
    row = {"rider": "ada", "origin": "JFK", "fare": 1.0}
    store.commit(RIDES, frame({1: row, 2: {**row, "rider": "bob"}}), project="rides")
    store.commit(RIDES, frame({1: {**row, "fare": 2.0}}), project="rides", mode="merge")
    return store


def test_a_corrected_row_is_changed_not_carried(rides, sqlite_ledger, disk_blobs):
    tracked = RowTracker(sqlite_ledger, disk_blobs).track(
        Ref("dataset", "rides", 1), pl.col("ride") == 1
    )
    assert [(one.rows, one.changed) for one in tracked.carried] == [(1, 0), (0, 1)]


def test_a_subjects_rows_are_every_content_they_had(rides, sqlite_ledger, disk_blobs):
    tracked = RowTracker(sqlite_ledger, disk_blobs).track_subject("rides", "ada")
    assert tracked is not None
    assert sorted(tracked.rows["fare"]) == [1.0, 2.0]
    assert [one.rows for one in tracked.carried] == [1, 1]
    nobody = RowTracker(sqlite_ledger, disk_blobs).track_subject("rides", "zed")
    assert nobody is not None
    assert nobody.rows.is_empty()


def test_a_condition_that_fits_no_column_is_refused(rides, sqlite_ledger, disk_blobs):
    with pytest.raises(UsageError, match="does not hold for rows of dataset:rides@2"):
        RowTracker(sqlite_ledger, disk_blobs).track(Ref("dataset", "rides"), pl.col("nope") == 1)
