"""Data set declarations and selections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from towpath.assets.datasets import Dataset, Schema
from towpath.core.errors import InvalidName, InvalidProject


class Row(Schema):
    id: str
    at: datetime
    who: str | None
    size: float


def dataset(**changes: object) -> Dataset:
    values = {"schema": Row, "key": "id", "time": "at", "subject": "who"}
    return Dataset("rows", **(values | changes))


def test_the_subject_is_personal_and_names_its_field():
    rows = dataset()
    assert [column.name for column in rows.columns if column.personal] == ["who"]
    assert rows.subject_field == "who"
    assert dataset(subject_field="person").subject_field == "person"


def test_a_data_set_without_a_subject_has_one_bucket():
    assert dataset(subject=None).buckets == 1
    assert dataset().buckets == 16


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": "idd"}, "key column 'idd'.*Did you mean 'id'"),
        ({"key": ("id", "who")}, "key column 'who' may be missing"),
        ({"time": "size"}, "time column 'size' is not a datetime"),
        ({"subject": "size"}, "subject column 'size' is not a str"),
        ({"subject": None, "subject_field": "who"}, "no subject column"),
        ({"buckets": 0}, "buckets is 0"),
    ],
)
def test_a_declaration_that_does_not_hang_together_says_why(changes: dict[str, object], why: str):
    with pytest.raises(InvalidProject, match=why):
        dataset(**changes)


def test_a_name_that_could_not_be_an_object_key_is_refused():
    with pytest.raises(InvalidName):
        Dataset("Rows/1", schema=Row, key="id")


def test_a_relative_window_ends_at_the_planned_moment():
    at = datetime(2013, 3, 1, tzinfo=UTC)
    assert dataset().last("2d").window(at) == (at - timedelta(days=2), at)


def test_a_fixed_window_ignores_the_planned_moment():
    window = dataset().between("2013-01-01", "2013-02-01").window(datetime(2020, 1, 1, tzinfo=UTC))
    assert window == (datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC))


def test_selections_chain_and_say_what_they_select():
    assert str(dataset().at(3).last("8 weeks")) == "dataset:rows@3 last 56d"
    assert str(dataset().all()) == "dataset:rows"
    assert str(dataset().on("what-if").at(2)) == "dataset:rows~what-if@2"
    assert str(dataset().on("what-if").last("1d").on(None)) == "dataset:rows last 1d"
    assert "from 2013-01-01T00:00Z" in str(dataset().between("2013-01-01", "2013-02-01"))


def test_a_window_needs_a_time_column():
    with pytest.raises(InvalidProject, match="no time column"):
        dataset(time=None).last("1d")


def test_a_window_that_ends_before_it_begins_is_refused():
    with pytest.raises(InvalidProject, match="ends before it begins"):
        dataset().between("2013-02-01", "2013-01-01")


def test_a_branch_has_a_name_like_any_other():
    with pytest.raises(InvalidName, match="branch"):
        dataset().on("What If")


def test_versions_count_from_one():
    with pytest.raises(InvalidName, match="version 0"):
        dataset().at(0)
