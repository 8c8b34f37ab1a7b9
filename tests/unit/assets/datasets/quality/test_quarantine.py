"""The declaration of a quarantine, and what its rows are told apart by."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, Doc, Personal, Range, Schema, Values
from towpath.assets.datasets.quality import is_quarantine, quarantine_of, quarantine_rows


class Ride(Schema):
    ride_id: str
    rider: str | None
    phone: Annotated[str, Personal(), Doc("to call back")]
    zone: Annotated[str, Values("north")] | None
    km: Annotated[float | None, Range(0, 9)]
    began: datetime
    day: date
    paid: bool
    photo: bytes


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)
ASIDE = pl.DataFrame(
    {
        "ride_id": ["a", "b"],
        "rider": ["ann", None],
        "phone": ["1", None],
        "zone": ["east", None],
        "km": [-1.0, 0.1],
        "began": [datetime(2024, 5, 1, tzinfo=UTC), None],
        "day": [date(2024, 5, 1), None],
        "paid": [True, None],
        "photo": [b"\xff\x00", None],
        "quarantine_reason": ["km is at least 0", "zone is present"],
    },
    schema_overrides={"began": pl.Datetime("us", "UTC")},
)
# Another version must give a row that is sent again the very same identity.
GOLDEN = ["a44267a451bb99e1b3c724c653e5f596", "07808c81f6ba89e0aa30c5bd09620039"]


def test_a_quarantine_takes_any_row_and_keeps_what_is_personal():
    beside = quarantine_of(rides)
    assert (beside.name, beside.key_columns, beside.time) == (
        "rides.quarantine",
        ("quarantine_id",),
        None,
    )
    assert (beside.subject, beside.subject_field, beside.buckets) == ("rider", "rider", 4)
    columns = {column.name: column for column in beside.columns}
    assert list(columns) == ["quarantine_id", "quarantine_reason", *ASIDE.columns[:-1]]
    for declared in rides.columns:
        column = columns[declared.name]
        assert (column.type, column.description) == (declared.type, declared.description)
        assert (column.nullable, column.range, column.values) == (True, None, None)
        assert column.personal == declared.personal


def test_its_schema_is_made_once():
    assert quarantine_of(rides).schema is quarantine_of(rides).schema


def test_rows_are_told_apart_by_what_they_say_and_not_by_why_they_are_there():
    found = quarantine_rows(rides, ASIDE)
    assert found["quarantine_id"].to_list() == GOLDEN
    other_reason = quarantine_rows(
        rides, ASIDE.with_columns(quarantine_reason=pl.lit("another rule"))
    )
    assert other_reason["quarantine_id"].equals(found["quarantine_id"])
    twice = quarantine_rows(rides, pl.concat([ASIDE, ASIDE]))
    assert twice.height == 2
    changed = quarantine_rows(rides, ASIDE.with_columns(km=pl.col("km") + 1e-12))
    assert not set(changed["quarantine_id"]) & set(GOLDEN)


@pytest.mark.parametrize(
    ("name", "is_one"), [("rides.quarantine", True), ("quarantine", False), ("rides", False)]
)
def test_quarantines_are_known_by_their_names(name: str, is_one: bool):
    assert is_quarantine(name) == is_one
