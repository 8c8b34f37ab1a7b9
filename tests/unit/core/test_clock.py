"""Times are aware, in UTC, and never go backwards."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.clock import ManualClock, as_utc, from_micros, parse_time, to_micros
from towpath.core.errors import InvalidName

START = datetime(2013, 1, 1, tzinfo=UTC)


def test_a_manual_clock_moves_only_forward():
    clock = ManualClock(START)
    clock.advance(timedelta(days=2))
    clock.advance_to(START)
    assert clock.now() == START + timedelta(days=2)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(InvalidName, match="no time zone"):
        as_utc(datetime(2013, 1, 1))


def test_text_without_a_zone_is_read_as_utc():
    assert parse_time("2013-01-01") == START
    assert parse_time("2013-01-01T02:00+02:00") == START


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=-5)))))
def test_microseconds_are_exact_both_ways(when: datetime):
    assert from_micros(to_micros(when)) == when
