"""Spans of time as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.durations import format_duration, parse_duration
from towpath.core.errors import InvalidName


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("8 weeks", timedelta(weeks=8)),
        (" 1.5 Days ", timedelta(hours=36)),
        ("250ms", timedelta(milliseconds=250)),
    ],
)
def test_spans_are_read(text: str, span: timedelta):
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "7", "d", "7 fortnights", "-1d", "0s", "1d2h"])
def test_what_is_no_span_is_refused(text: str):
    with pytest.raises(InvalidName):
        parse_duration(text)


@given(st.integers(1, 10**7))
def test_what_is_written_reads_back(seconds: int):
    span = timedelta(seconds=seconds)
    assert parse_duration(format_duration(span)) == span
