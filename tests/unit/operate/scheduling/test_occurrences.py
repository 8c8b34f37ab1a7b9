"""Cron expressions in a time zone, over the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import InvalidProject
from towpath.operate.scheduling.occurrences import check_cron, latest, occurrences

PARIS = "Europe/Paris"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # in winter Paris is an hour ahead, in summer two
        ("0 3 * * *", "2024-01-10T00:00", ["2024-01-10T02:00", "2024-01-11T02:00"]),
        ("0 3 * * *", "2024-07-10T00:00", ["2024-07-10T01:00", "2024-07-11T01:00"]),
        # half past two does not exist on this day: it comes as the clock jumps
        ("30 2 * * *", "2024-03-31T00:00", ["2024-03-31T01:00", "2024-04-01T00:30"]),
        # and comes twice on this one: it counts once
        ("30 2 * * *", "2024-10-26T12:00", ["2024-10-27T00:30", "2024-10-28T01:30"]),
        # what is hourly follows the hours that pass
        ("0 * * * *", "2024-10-27T00:00", ["2024-10-27T01:00", "2024-10-27T02:00"]),
        ("0 9 1 * *", "2024-01-31T12:00", ["2024-02-01T08:00", "2024-03-01T08:00"]),
    ],
)
def test_moments_come_in_the_schedules_own_time_zone(cron: str, after: str, expected: list[str]):
    found = list(islice(occurrences(cron, PARIS, utc(after)), len(expected)))
    assert found == [utc(one) for one in expected]


@given(
    st.sampled_from(["* * * * *", "*/15 * * * *", "0 3 * * *", "30 2 * * 1-5", "0 0 1 */3 *"]),
    st.sampled_from(["UTC", PARIS, "America/New_York", "Asia/Kathmandu"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
def test_the_latest_moment_is_the_one_before_the_next(cron: str, tz: str, now: datetime):
    before = latest(cron, tz, now)
    assert before is not None
    assert before <= now
    following = next(occurrences(cron, tz, before))
    assert following > now - timedelta(hours=2)  # an hour that comes twice is told once
    assert list(islice(occurrences(cron, tz, before - timedelta(seconds=1)), 1)) == [before]


@pytest.mark.parametrize(
    ("cron", "tz"),
    [
        ("0 3 * *", "UTC"),
        ("0 3 * * * *", "UTC"),
        ("61 3 * * *", "UTC"),
        ("0 0 30 2 *", "UTC"),
        ("", "UTC"),
        ("0 3 * * *", "Europe/Atlantis"),
        ("0 3 * * *", "../../etc/passwd"),
    ],
)
def test_what_never_comes_is_refused_with_what_to_write(cron: str, tz: str):
    with pytest.raises(InvalidProject) as caught:
        check_cron(cron, tz)
    assert caught.value.remedy
