"""Compaction lays buckets out in full files, whatever their size, without holding them whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema, parquet
from towpath.assets.datasets.changes import compacting
from towpath.core.refs import Ref

REF = Ref("dataset", "steps")


class Step(Schema):
    step_id: int
    at: datetime
    size: int


steps = Dataset("steps", schema=Step, key="step_id", time="at")


def rows(first: int, count: int, size: int = 0) -> pl.DataFrame:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    numbers = range(first, first + count)
    data = [(n, start + timedelta(minutes=n), size) for n in numbers]
    return pl.DataFrame(data, schema=Step.polars_schema(), orient="row")


@pytest.fixture
def store(sqlite_ledger, disk_blobs, keyring, monkeypatch):
    for module in (compacting, parquet):
        monkeypatch.setattr(module, "ROWS_PER_FILE_MOST", 100)
    return ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring)


def test_a_bucket_of_many_files_becomes_full_ones_in_order_of_time(store):
    store.commit(steps, rows(0, 330), project="p")
    store.commit(steps, rows(330, 45), project="p")
    store.commit(steps, rows(90, 40, size=7), project="p", mode="merge")
    store.commit(steps, rows(200, 20).select("step_id"), project="p", mode="delete")
    before = store.scan(REF).collect().sort("step_id")
    version = store.compact("steps")
    files = store.files(version.ref)
    assert [file.rows for file in files] == [100, 100, 100, 55]
    assert {(file.layer, file.superseded) for file in files} == {(0, 0)}
    assert store.scan(REF).collect().sort("step_id").equals(before)
    bounds = [(file.time_min, file.time_max) for file in files]
    overlaps = sum(one[1] >= two[0] for one, two in pairwise(bounds))
    assert overlaps <= 1, "a window opens few files that it does not need"
    assert store.compact("steps") == version


def test_a_bucket_without_rows_has_no_file(store):
    store.commit(steps, rows(0, 30), project="p")
    store.commit(steps, rows(0, 10, size=1), project="p", mode="merge")
    store.commit(steps, rows(0, 30).select("step_id"), project="p", mode="delete")
    assert store.files(REF) == ()
    assert store.compact("steps").body["rows"] == 0
