"""What an ingest may be, and how large a piece of a source is."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset
from towpath.assets.sources import Batch, Files, Fitting, Sql
from towpath.build.ingestion import Ingest
from towpath.build.ingestion.pieces import pieces_of
from towpath.core.errors import InvalidName, InvalidProject, SchemaViolation
from towpath.operate.projects import Project


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"mode": "upsert"}, InvalidProject, "append, merge, overwrite"),
        ({"every": "often"}, InvalidName, "not a duration"),
        ({"name": "Not a name"}, InvalidName, "ingest name"),
        ({"columns": {"amont": "x"}}, InvalidProject, "Did you mean 'amount'"),
    ],
)
def test_what_can_not_work_is_refused(
    dataset: Dataset, options: dict[str, Any], error: type[Exception], said: str
):
    with pytest.raises(error, match=said):
        Ingest(dataset, Files("x.csv"), **options)


def test_a_source_must_be_one(dataset: Dataset):
    with pytest.raises(InvalidProject, match=r"its source is a str.*tp\.sources"):
        Ingest(dataset, "x.csv")


def test_what_is_read_in_increments(dataset: Dataset):
    assert Ingest(dataset, Files("x.csv")).increments
    assert not Ingest(dataset, Files("x.csv"), full=True).increments
    assert not Ingest(dataset, Files("x.csv"), mode="overwrite").increments
    assert not Ingest(dataset, Sql("sqlite:///x.db", "t")).increments


def test_a_project_declares_them_with_their_data_sets(dataset: Dataset):
    secret = Sql("postgresql://me:${PW}@h/db", "t", cursor="id")
    ingests = [Ingest(dataset, Files("x.csv"), every="1h"), Ingest(dataset, secret, name="db")]
    project = Project("shop", owner="me", ingests=ingests)
    assert project.dataset("orders") is dataset
    assert project.ingest("db") is ingests[1]
    told = json.dumps(project.declaration()["ingests"])
    assert "${PW}" not in told
    assert "postgresql://h/db" in told
    with pytest.raises(InvalidProject, match="the ingest 'orders' twice"):
        Project("shop", owner="me", ingests=[ingests[0], ingests[0]])


def batch(rows: int, position: int | None) -> Batch:
    frame = pl.DataFrame({"id": pl.Series(range(rows), dtype=pl.Int64)})
    return Batch(rows=frame, position=None if position is None else {"at": position})


def pieces(dataset: Dataset, batches: list[Batch], size_bytes: int) -> list[tuple[int, Any, bool]]:
    fitting = Fitting(columns=dataset.columns)
    found = pieces_of(batches, fitting, piece_bytes=size_bytes, on_batch=lambda _: None)
    return [(one.rows.height, one.position, one.is_last) for one in found]


ROW_BYTES = 17  # two numbers, and a text that is missing


def test_a_piece_ends_where_the_source_can_carry_on(dataset: Dataset):
    batches = [batch(10, 1), batch(10, None), batch(10, 3), batch(10, 4)]
    found = pieces(dataset, batches, 15 * ROW_BYTES)
    assert found == [(30, {"at": 3}, False), (10, {"at": 4}, True)]


def test_or_at_twice_the_size_where_it_can_not(dataset: Dataset):
    found = pieces(dataset, [batch(10, None)] * 10, 15 * ROW_BYTES)
    assert sum(rows for rows, _, _ in found) == 100
    assert max(rows for rows, _, _ in found) <= 40
    assert [position for _, position, _ in found] == [None] * len(found)
    assert [is_last for _, _, is_last in found] == [False] * (len(found) - 1) + [True]


def test_a_source_without_rows_has_a_piece_for_its_position(dataset: Dataset):
    assert pieces(dataset, [batch(0, 7)], 100) == [(0, {"at": 7}, True)]
    assert pieces(dataset, [], 100) == [(0, None, True)]


def test_a_column_that_changes_its_type_on_the_way_is_refused(dataset: Dataset):
    batches = [
        Batch(rows=pl.DataFrame({"id": [1], "customer": ["a"]})),
        Batch(rows=pl.DataFrame({"id": [1], "customer": [[1]]})),
    ]
    with pytest.raises(SchemaViolation, match="changes its type"):
        pieces(dataset, batches, 1 << 20)
