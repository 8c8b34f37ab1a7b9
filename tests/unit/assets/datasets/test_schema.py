"""Schemas: what annotations mean, and which can't be meant."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import polars as pl
import pytest

from towpath.assets.datasets import Column, Doc, Personal, Range, Schema, Values
from towpath.core.errors import InvalidProject


class Trip(Schema):
    trip_id: str
    began: datetime
    day: date
    rider: Annotated[str | None, Personal()]
    zone: Annotated[str, Values("north", "south")]
    miles: Annotated[float, Range(0, 100), Doc("as the crow flies")] | None
    stops: int
    shared: bool


class PaidTrip(Trip):
    fare: float


def test_annotations_become_columns_in_the_order_they_were_written():
    assert [(column.name, column.type, column.nullable) for column in Trip.columns()] == [
        ("trip_id", "string", False),
        ("began", "timestamp", False),
        ("day", "date", False),
        ("rider", "string", True),
        ("zone", "string", False),
        ("miles", "float64", True),
        ("stops", "int64", False),
        ("shared", "bool", False),
    ]


def test_notes_inside_and_outside_of_a_union_mean_the_same():
    columns = {column.name: column for column in Trip.columns()}
    assert columns["rider"].personal
    assert columns["zone"].values == Values("north", "south")
    assert columns["miles"] == Column(
        name="miles",
        type="float64",
        nullable=True,
        description="as the crow flies",
        range=Range(0, 100),
    )


def test_inherited_columns_come_first():
    assert PaidTrip.columns() == (*Trip.columns(), Column(name="fare", type="float64"))


def test_times_are_utc_microseconds_to_polars():
    assert Trip.polars_schema()["began"] == pl.Datetime("us", "UTC")


def test_a_type_that_a_column_cannot_have_is_named():
    class Bad(Schema):
        tags: list[str]

    with pytest.raises(InvalidProject, match="column 'tags' of schema 'Bad'"):
        Bad.columns()


def test_a_union_of_two_types_is_refused():
    class Bad(Schema):
        either: int | str

    with pytest.raises(InvalidProject, match="column 'either'"):
        Bad.columns()


def test_a_name_that_does_not_resolve_is_reported_as_the_schemas_fault():
    class Bad(Schema):
        when: Moment  # noqa: F821 - the point of the test

    with pytest.raises(InvalidProject, match="'Bad'"):
        Bad.columns()


def test_an_unknown_note_is_refused():
    class Bad(Schema):
        size: Annotated[int, "metres"]

    with pytest.raises(InvalidProject, match="annotated with 'metres'"):
        Bad.columns()


def test_a_range_belongs_to_numbers():
    class Bad(Schema):
        began: Annotated[datetime, Range(0, 1)]

    with pytest.raises(InvalidProject, match="timestamp with Range"):
        Bad.columns()


def test_a_schema_without_columns_is_refused():
    class Bad(Schema):
        pass

    with pytest.raises(InvalidProject, match="has no columns"):
        Bad.columns()
