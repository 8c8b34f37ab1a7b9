from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.build.pipelines.formats.values import (
    decode_record,
    decode_value,
    encode_record,
    encode_value,
    parse_text,
)
from towpath.core.digests import canonical_json
from towpath.core.errors import InvalidProject

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=8)
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.timedeltas()
)
hashable = st.text() | st.integers(-9, 9) | st.tuples(st.integers(-9, 9), st.text(max_size=2))
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(hashable | st.sampled_from(["$time", "$tuple"]), inner, max_size=3)
        | st.sets(st.text(max_size=3) | st.integers(-9, 9), max_size=3)
    ),
    max_leaves=12,
)


@given(values)
def test_a_value_comes_back_as_it_was_through_json(value: Any) -> None:
    through = msgspec.json.decode(canonical_json(encode_value(value)))

    back = decode_value(through)

    assert repr(back) == repr(value) or back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_come_back(value: float) -> None:
    assert repr(decode_value(encode_value([value]))) == repr([value])


def test_values_that_python_calls_equal_are_told_apart_by_type() -> None:
    alike = [1, 1.0, True, "1", [1], (1,), {1}, date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)]

    assert len({canonical_json(encode_value(one)) for one in alike}) == len(alike)


def test_order_does_not_matter_where_python_has_none() -> None:
    assert canonical_json(encode_value({"a": 1, "b": 2})) == canonical_json(
        encode_value({"b": 2, "a": 1})
    )
    assert encode_value({3, 1, 2}) == encode_value({2, 3, 1})


def test_what_can_t_be_written_down_is_named() -> None:
    with pytest.raises(InvalidProject, match="argument 'x' is a object, which can't be"):
        encode_value([1, object()], "argument 'x'")


@dataclass
class Summary:
    rows: int
    rate: float
    at: datetime


def test_a_record_comes_back_as_its_class_where_one_is_asked_for() -> None:
    summary = Summary(3, 0.5, datetime(2026, 1, 1, tzinfo=UTC))
    through = msgspec.json.decode(canonical_json(encode_record(summary, "it")))

    assert decode_record(through, Summary) == summary
    assert decode_record(through, None) == {"rows": 3, "rate": 0.5, "at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", int, 3),
        ("0.5", float, 0.5),
        ("yes", bool, True),
        ("False", bool, False),
        ("2026-01-01", datetime, datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_typed_parameters_are_read(text: str, kind: type, value: object) -> None:
    assert parse_text(text, kind, "parameter 'x'") == value


@pytest.mark.parametrize(("text", "kind"), [("x", int), ("maybe", bool), ("1.5", int), ("", float)])
def test_a_parameter_of_another_type_is_named(text: str, kind: type) -> None:
    with pytest.raises(InvalidProject, match="parameter 'x' can't be"):
        parse_text(text, kind, "parameter 'x'")


def test_spans_keep_their_microseconds() -> None:
    span = timedelta(days=9, microseconds=1)

    assert decode_value(encode_value(span)) == span
