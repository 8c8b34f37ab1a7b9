"""A window is compared with those of its hour, weekday and season, and says so where it can't be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from towpath.assets.models.blocks import Calendar
from towpath.operate.monitoring.findings import Window
from towpath.operate.monitoring.seasons import Comparable, Season, comparable

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def calendar(days: int, *, quarters: bool = True) -> Calendar:
    first = round(MONDAY.timestamp() / 3600)
    hours = 6 if quarters else 24
    starts = tuple(range(first, first + days * 24, hours))
    return Calendar(starts=starts, hours=(hours,) * len(starts))


def of(known: Calendar, day: int, *, hours: int = 24, hour: int = 0, season: Season = "auto"):
    since = MONDAY + timedelta(days=day, hours=hour)
    window = Window(since=since, until=since + timedelta(hours=hours))
    return comparable(known, len(known.starts), window, season)


def days_of(known: Calendar, taken: np.ndarray) -> set[int]:
    first = round(MONDAY.timestamp() / 3600)
    return {(known.starts[at] - first) // 24 for at in np.flatnonzero(taken)}


def never_with_itself(past: Comparable) -> bool:
    return not (past.windows * past.rests).any()


def test_a_day_is_compared_with_its_weekday():
    known = calendar(56)
    past = of(known, 58)  # a Wednesday
    assert past.basis == "8 Wednesdays"
    assert days_of(known, past.live) == {2, 9, 16, 23, 30, 37, 44, 51}
    assert len(past.windows) == 56  # of every weekday, each beside its own
    assert days_of(known, past.rests[0]) == {7, 14, 21, 28, 35, 42, 49}
    assert past.independent == 56 - 6
    assert never_with_itself(past)


def test_too_short_a_history_compares_with_all_days_and_says_so():
    known = calendar(20)
    past = of(known, 22)
    assert past.basis == "all 20 days: too few weeks to tell weekdays apart"
    assert days_of(known, past.live) == set(range(20))
    assert of(known, 22, season="none").basis == "all 20 days"
    assert of(known, 22, season="year").basis.endswith("does not reach back a year")
    assert never_with_itself(past)


def test_a_quarter_of_a_day_is_compared_with_the_same_hours():
    known = calendar(20)
    past = of(known, 22, hours=6, hour=18)
    assert past.basis.startswith("20 days, 18:00 to 00:00 UTC")
    assert {known.starts[at] % 24 for at in np.flatnonzero(past.live)} == {18}
    for window, rest in zip(past.windows, past.rests, strict=True):
        (at,) = {known.starts[one] % 24 for one in np.flatnonzero(window)}
        assert {known.starts[one] % 24 for one in np.flatnonzero(rest)} == {at}


def test_half_a_day_takes_two_quarters_and_its_weekday():
    known = calendar(35)
    past = of(known, 40, hours=12, hour=12)  # a Saturday
    assert past.basis == "5 Saturdays, 12:00 to 00:00 UTC"
    assert (past.windows.sum(axis=1) == 2).all()
    assert {known.starts[at] % 24 for at in np.flatnonzero(past.live)} == {12, 18}


def test_a_year_of_training_gives_the_season():
    known = calendar(366, quarters=False)
    past = of(known, 366 + 180)
    around = days_of(known, past.live)
    assert past.basis == f"{len(around)} days around the same date in earlier years"
    assert set(range(166, 196)) <= around <= set(range(164, 198))
    assert never_with_itself(past)
    newyear = days_of(known, of(known, 366).live)
    assert {0, 15, 351, 365} <= newyear  # a year is a circle
    assert 180 not in newyear


def test_spans_of_several_days_overlap_and_leave_their_own_days_out():
    known = calendar(20)
    past = of(known, 21, hours=24 * 7)
    assert len(past.windows) == 14
    assert len(days_of(known, past.windows[3])) == 7
    assert days_of(known, past.rests[3]) == set(range(20)) - set(range(3, 10))
    assert past.independent == pytest.approx(20 / 7)


def test_rows_without_time_are_compared_slice_by_slice():
    past = comparable(
        Calendar(), 30, Window(since=MONDAY, until=MONDAY + timedelta(days=1)), "auto"
    )
    assert past.windows.sum() == 30
    assert never_with_itself(past)
    assert "no time" in past.basis
