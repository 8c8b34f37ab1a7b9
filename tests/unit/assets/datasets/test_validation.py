"""Rows that don't fit are refused, and the message finds them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import polars as pl
import pyarrow as pa
import pytest

from towpath.assets.datasets import Dataset, Range, Schema, Values
from towpath.assets.datasets.validation import conform
from towpath.core.errors import SchemaViolation


class Ride(Schema):
    ride_id: str
    began: datetime
    rider: str | None
    zone: Annotated[str, Values("north", "south")]
    miles: Annotated[float | None, Range(0, 100)]
    stops: int


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider")


def rows(**changes: object) -> pl.DataFrame:
    good = {
        "ride_id": ["a", "b", "c"],
        "began": [datetime(2013, 1, 1, tzinfo=UTC)] * 3,
        "rider": ["ann", None, "bob"],
        "zone": ["north", "south", "north"],
        "miles": [1.0, 2.0, None],
        "stops": [1, 2, 3],
    }
    return pl.DataFrame(good | changes)


def refused(frame: pl.DataFrame, dataset: Dataset = rides) -> SchemaViolation:
    with pytest.raises(SchemaViolation) as caught:
        conform(dataset, frame)
    return caught.value


def test_columns_come_back_in_declared_order_and_types():
    frame = conform(rides, rows().select(pl.all().reverse()).select(sorted(rows().columns)))
    assert frame.schema == Ride.polars_schema()


def test_what_loses_nothing_is_widened():
    narrow = rows().with_columns(
        pl.col("stops").cast(pl.Int8),
        pl.col("miles").cast(pl.Float32),
        pl.col("zone").cast(pl.Categorical),
        pl.col("began").cast(pl.Datetime("ns")).dt.replace_time_zone(None),
    )
    assert conform(rides, narrow).equals(conform(rides, rows()))


def test_any_arrow_table_and_lazy_frames_will_do():
    expected = conform(rides, rows())
    assert conform(rides, rows().lazy()).equals(expected)
    assert conform(rides, pa.table(rows().to_arrow())).equals(expected)


def test_times_of_another_zone_become_utc():
    there = rows().with_columns(pl.col("began").dt.convert_time_zone("America/New_York"))
    assert conform(rides, there).equals(conform(rides, rows()))


def test_nan_is_missing():
    assert conform(rides, rows(miles=[1.0, float("nan"), None]))["miles"].to_list() == [
        1.0,
        None,
        None,
    ]


def test_a_missing_value_is_found_by_column_row_and_key():
    error = refused(rows(zone=["north", None, "north"]))
    assert error.fields["column"] == "zone"
    assert error.fields["rows"] == [1]
    assert "column 'zone' of data set 'rides' is missing in 1 of 3 rows" in error.message
    assert "row 1 (ride_id 'b')" in error.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"miles": [-0.5, 1.0, 101.0]}, "'miles' .*is not between 0 and 100 in 2 of 3 rows"),
        ({"zone": ["west", "south", "north"]}, "'zone' .*is not one of north, south in 1 of 3"),
        ({"ride_id": ["a", "b", "a"]}, "'ride_id' .*repeats a key in 2 of 3 rows, first in row 0"),
        ({"stops": [1.5, 2.0, 3.0]}, "'stops' .*holds Float64, and is declared int64"),
        ({"stops": ["1", "2", "3"]}, "'stops' .*holds String, and is declared int64"),
        ({"stops": [2**63, 2, 3]}, "'stops' .*has numbers beyond int64"),
        ({"milage": [1, 2, 3]}, "has no column 'milage'"),
    ],
)
def test_each_broken_rule_says_what_and_where(changes: dict[str, object], words: str):
    with pytest.raises(SchemaViolation, match=words):
        conform(rides, rows(**changes))


def test_a_missing_column_is_named():
    assert "lack column 'zone'" in refused(rows().drop("zone")).message


def test_every_broken_rule_is_listed():
    error = refused(rows(zone=[None, "south", "west"], miles=[-1.0, 1.0, 1.0]))
    assert [one["column"] for one in error.fields["violations"]] == ["zone", "zone", "miles"]
    assert "2 more rules broken" in error.message


def test_the_message_holds_no_value_of_a_row():
    error = refused(rows(zone=["ann's home", "south", "north"]))
    assert "ann" not in str(error)
    assert "ann" not in repr(error.fields)


def test_a_personal_key_is_not_shown():
    class Visit(Schema):
        person: str
        size: Annotated[int, Range(0, 1)]

    visits = Dataset("visits", schema=Visit, key="person", subject="person")
    error = refused(pl.DataFrame({"person": ["ann"], "size": [2]}), visits)
    assert "row 0" in error.message
    assert "ann" not in error.message
