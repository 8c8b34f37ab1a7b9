"""The year as the demo reads it is the year as it was, in the columns that its project declares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from towpath.demo.feed import Feed
from towpath.demo.plan import FAST, FULL
from towpath.demo.story import PROJECT
from towpath.operate.projects import load_project


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed.read()


def test_rows_fit_the_declared_schemas(feed: Feed):
    project = load_project(PROJECT, "flights:project")
    for name in ("flights", "weather", "planes"):
        dataset, rows = project.dataset(name), getattr(feed, name)
        assert rows.columns == [column.name for column in dataset.columns]
        (key,) = [dataset.key] if isinstance(dataset.key, str) else dataset.key
        assert rows[key].is_unique().all()
        assert rows[key].null_count() == 0


def test_only_flights_that_flew_get_a_label(feed: Feed):
    assert feed.flights.height == pytest.approx(327_000, rel=0.01)
    assert feed.flights["arr_delay"].null_count() == 0
    assert (feed.flights["landed"] > feed.flights["scheduled"]).mean() > 0.999


def test_times_are_those_of_the_airport_in_utc(feed: Feed):
    # The first flight of 2013: United 1545 from Newark, scheduled 05:15 in New York.
    first = feed.flights.row(0, named=True)
    assert first["scheduled"] == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    assert (first["carrier"], first["origin"], first["dest"]) == ("UA", "EWR", "IAH")


def test_intervals_meet_without_overlap(feed: Feed):
    day, week = datetime(2013, 3, 1, tzinfo=UTC), timedelta(days=7)
    for pick in (feed.landed, feed.posted, feed.observed):
        halves = [pick(day, day + week), pick(day + week, day + 2 * week)]
        both, key = pick(day, day + 2 * week), halves[0].columns[0]
        assert pl.concat(halves).sort(key).equals(both.sort(key))


def test_a_flight_is_posted_up_to_three_hours_before_it_leaves(feed: Feed):
    ahead = feed.flights["scheduled"] - feed.flights["posted"]
    assert timedelta(0) <= ahead.min()
    assert ahead.max() < timedelta(hours=3)
    for plan in (FAST, FULL):  # no board is cut in two where a day begins
        posted = feed.flights.filter(pl.col("scheduled") >= plan.opening)["posted"].min()
        assert posted >= plan.opening


def test_what_is_newest_is_known_and_of_each_airport(feed: Feed):
    noon = datetime(2013, 3, 1, 12, tzinfo=UTC)
    newest = feed.newest(noon)
    assert sorted(newest["origin"]) == ["EWR", "JFK", "LGA"]
    assert newest["observed"].max() <= noon
    for row in newest.iter_rows(named=True):
        known = feed.weather.filter(
            (pl.col("origin") == row["origin"]) & (pl.col("observed") <= noon)
        )
        assert row["observed"] == known["observed"].max()


def test_a_shortened_plan_ends_sooner_and_never_later():
    assert FAST.shortened(None) is FAST
    assert FAST.shortened(3).closing == FAST.opening + timedelta(days=3)
    assert FULL.shortened(10_000).closing == FULL.closing
