"""Entities as keys: the same from a frame and from JSON, told apart, ordered, never too long."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets.schema import POLARS_TYPES
from towpath.assets.features.online.keys import KeyEncoder
from towpath.core.errors import InvalidRequest
from towpath.storage.online import KEY_BYTES_MOST

MOMENTS = st.datetimes(
    datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=12) | st.text(alphabet="ab\x00é", max_size=700),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "timestamp": MOMENTS,
    "date": st.dates(date(1900, 1, 1), date(2200, 1, 1)),
}
TYPES = st.sampled_from(sorted(VALUES))


def encoder(*kinds: str) -> KeyEncoder:
    return KeyEncoder(tuple((f"c{at}", kind) for at, kind in enumerate(kinds)))


@given(st.lists(TYPES, min_size=1, max_size=3), st.data())
def test_a_frame_and_its_values_have_the_same_keys(kinds: list[str], data: st.DataObject):
    row = st.tuples(*(VALUES[kind] | st.none() for kind in kinds))
    rows = data.draw(st.lists(row, max_size=8))
    columns = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in kinds]
    frame = pl.DataFrame(
        {
            f"c{at}": pl.Series(values, dtype=POLARS_TYPES[kind])
            for at, (kind, values) in enumerate(zip(kinds, columns, strict=True))
        }
    )
    keys = encoder(*kinds).encode(columns)
    assert encoder(*kinds).encode_frame(frame) == keys
    assert [key is None for key in keys] == [None in row for row in rows]
    assert all(1 <= len(key) <= KEY_BYTES_MOST for key in keys if key is not None)
    known = {row: key for row, key in zip(rows, keys, strict=True) if key is not None}
    assert len(set(known.values())) == len(known)


@given(st.sampled_from(["int64", "timestamp", "date", "string"]), st.data())
def test_keys_of_one_column_order_as_its_values(kind: str, data: st.DataObject):
    values = data.draw(st.lists(VALUES[kind].filter(lambda one: len(str(one)) < 100), max_size=20))
    keys = encoder(kind).encode([values])
    byte_order = [one.encode() if isinstance(one, str) else one for one in values]
    assert [key for _, key in sorted(zip(byte_order, keys, strict=True))] == sorted(keys)


def test_moments_and_days_may_be_written_as_json_writes_them():
    moment = datetime(2013, 3, 1, 6, tzinfo=UTC)
    texts = ["2013-03-01T06:00:00Z", "2013-03-01T07:00:00+01:00", "2013-03-01 06:00"]
    assert len(set(encoder("timestamp").encode([[moment, *texts]]))) == 1
    assert len(set(encoder("date").encode([[date(2013, 3, 1), "2013-03-01"]]))) == 1


def test_parts_of_a_key_do_not_run_into_each_other():
    keys = encoder("string", "string").encode([["ab", "a", ""], ["c", "bc", "abc"]])
    assert len(set(keys)) == 3


def test_long_texts_have_keys_of_their_own():
    long = "x" * 2000
    keys = encoder("string").encode([[long, long + "y", long[:-1], "x"]])
    assert len(set(keys)) == 4
    assert {len(key) for key in keys if key is not None} == {33, 2}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int64", "7"),
        ("int64", 7.0),
        ("int64", True),
        ("int64", 2**63),
        ("string", 7),
        ("string", b"x"),
        ("string", "\ud800"),
        ("bool", 1),
        ("timestamp", "yesterday"),
        ("timestamp", 7),
        ("date", "2013-02-30"),
        ("date", datetime(2013, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_value_of_another_type_is_named_and_not_repeated(kind: str, value: object):
    fine = {
        "int64": 1,
        "string": "a",
        "bool": True,
        "timestamp": "2013-01-01",
        "date": "2013-01-01",
    }
    with pytest.raises(InvalidRequest, match=r"'c0'.*row 1") as caught:
        encoder(kind).encode([[fine[kind], value]])
    assert "yesterday" not in str(caught.value)
    with pytest.raises(InvalidRequest, match=r"'c1'.*row 0"):
        encoder("int64", kind).encode([[1], [value]])


def test_whole_numbers_of_numpy_are_whole_numbers():
    import numpy as np

    assert encoder("int64").encode([np.array([5, -5])]) == encoder("int64").encode([[5, -5]])


def test_times_before_the_epoch_have_keys():
    early = datetime(1901, 1, 1, tzinfo=UTC)
    keys = encoder("timestamp").encode([[early, early + timedelta(microseconds=1)]])
    assert keys == sorted(set(keys))
