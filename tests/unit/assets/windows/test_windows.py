"""Aggregates over windows: against a plain loop, as a table, and late events that nobody knew of yet."""

from __future__ import annotations

import math
import statistics
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset, Schema
from towpath.assets.windows import FUNCTIONS, Window
from towpath.assets.windows.scale import TimeScale
from towpath.core.errors import InvalidProject, NotFound, UsageError

T0 = datetime(2024, 5, 6, tzinfo=UTC)  # a Monday
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ride(Schema):
    ride_id: str
    rider: str | None
    began: datetime
    told: datetime | None
    km: float | None
    zone: str | None


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider")
EVERYTHING = {
    "rides": "count",
    **{f"km_{function}": ("km", function) for function in FUNCTIONS},
    **{
        f"zone_{function}": ("zone", function)
        for function in ("count", "first", "last", "distinct")
    },
}


def week(**changes: object) -> Window:
    options = {"entity": "rider", "length": "7h", "features": EVERYTHING, **changes}
    return Window("week", source=rides, **options)


hours = st.integers(0, 40)
events = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", None]),
        hours,
        st.none() | st.integers(0, 30),  # how much later it is told
        st.none() | st.integers(-5, 5),
        st.sampled_from(["north", "south", None]),
    ),
    max_size=25,
)
asking = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "cyd", None]), st.none() | hours), max_size=8
)


def at(hour: int | None) -> datetime | None:
    return None if hour is None else T0 + timedelta(hours=hour)


def event_frame(data: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (str(place), who, at(hour), None if late is None else at(hour + late), km, zone)
            for place, (who, hour, late, km, zone) in enumerate(data)
        ],
        schema=Ride.polars_schema(),
        orient="row",
        strict=False,
    )


def asking_frame(data: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(
        [(who, at(hour)) for who, hour in data],
        schema={"rider": pl.String, "asked": pl.Datetime("us", "UTC")},
        orient="row",
    )


# -- against a plain loop ----------------------------------------------------------------------------


def expected(window: Window, row: dict, seen: list[dict]) -> dict | None:
    """Compute a row's features as the docstring says them; None where nothing can be known."""
    if row["rider"] is None or row["asked"] is None:
        return None
    end = row["asked"]
    if window.every is not None:
        step = timedelta(hours=int(str(window.every).removesuffix("h")))
        end = EPOCH + (end - EPOCH) // step * step
    inside = [
        one
        for one in seen
        if one["rider"] == row["rider"]
        and end - timedelta(hours=7) <= one["began"] < end
        and (window.created is None or one["told"] is None or one["told"] <= end)
    ]
    inside.sort(key=lambda one: one["began"])
    return {name: aggregate(what, inside) for name, what in window.features.items()}


def aggregate(what: str | tuple[str, str], inside: list[dict]) -> object:
    if what == "count":
        return len(inside)
    column, function = what
    values = [one[column] for one in inside]
    known = [value for value in values if value is not None]
    least = {"count": 0, "distinct": 0, "sum": 0, "sd": 2}.get(function, 1)
    if function in ("first", "last"):
        return (values[0] if function == "first" else values[-1]) if values else None
    return PLAIN[function](known) if len(known) >= least else None


PLAIN = {
    "count": len,
    "distinct": lambda known: len(set(known)),
    "sum": math.fsum,
    "sd": statistics.stdev,
    "mean": statistics.fmean,
    "min": min,
    "max": max,
}


@settings(max_examples=150, deadline=None)
@given(events, asking, st.sampled_from([None, "1h", "3h", "7h"]), st.booleans())
def test_windows_hold_what_was_known_of_them(
    data: list[tuple], rows: list[tuple], every: str | None, told: bool
):
    window = week(every=every, created="told" if told else None)
    seen = event_frame(data)
    found = window.at(asking_frame(rows), seen, time="asked")
    for row in found.to_dicts():
        wanted = expected(window, row, seen.to_dicts())
        features = {name: row[name] for name in window.features}
        if wanted is None:
            assert set(features.values()) == {None}
        else:
            assert features == pytest.approx(wanted), row


@settings(deadline=None)
@given(events, asking, st.sampled_from([1, 2, 3]))
def test_rows_are_computed_alike_alone_and_together(
    data: list[tuple], rows: list[tuple], size: int
):
    """What serving computes for one request is, bit for bit, what training computed for the row."""
    window, seen, frame = week(created="told"), event_frame(data), asking_frame(rows)
    whole = window.at(frame, seen, time="asked")
    for place in range(0, frame.height, size):
        part = frame.slice(place, size)
        theirs = seen.filter(pl.col("rider").is_in(part["rider"].drop_nulls().implode()))
        assert window.at(part, theirs, time="asked").equals(whole.slice(place, size))


@settings(max_examples=60, deadline=None)
@given(events, asking, st.sampled_from(["1h", "2h", "7h"]), st.booleans())
def test_the_newest_row_of_the_table_is_what_asking_says(
    data: list[tuple], rows: list[tuple], every: str, told: bool
):
    window = week(every=every, created="told" if told else None)
    seen, frame = event_frame(data), asking_frame(rows).drop_nulls()
    table = window.table(seen)
    assert table.select("rider", "as_of").is_duplicated().sum() == 0
    asked = window.at(frame, seen, time="asked")
    joined = frame.sort("asked").join_asof(
        table.sort("as_of"), left_on="asked", right_on="as_of", by="rider", check_sortedness=False
    )
    known = joined.filter(pl.col("as_of").is_not_null())
    ours = asked.join(known.select("rider", "asked").unique(), on=["rider", "asked"], how="semi")
    order = ["rider", "asked"]
    assert known.drop("as_of").sort(order).equals(ours.sort(order))
    # Whoever the table does not know yet had no events.
    unknown = asked.join(known, on=order, how="anti")
    assert unknown["rides"].to_list() == [0] * unknown.height


# -- the edges ---------------------------------------------------------------------------------------


def test_the_window_begins_inclusive_and_ends_exclusive():
    seen = event_frame([("ann", hour, None, 1, None) for hour in (0, 1, 7, 8)])
    found = week().at(asking_frame([("ann", 8), ("ann", 7), ("ann", 0)]), seen, time="asked")
    assert found["rides"].to_list() == [2, 2, 0]


def test_steps_of_weeks_begin_on_mondays():
    window = week(length="7d", every="7d", features={"rides": "count"})
    seen = event_frame([("ann", -1, None, 1, None), ("ann", 1, None, 1, None)])
    table = window.table(seen)
    assert table.rows() == [
        ("ann", T0, 1),
        ("ann", T0 + timedelta(days=7), 1),
        ("ann", T0 + timedelta(days=14), 0),
    ]


def test_an_event_that_is_told_later_counts_from_then_on():
    seen = event_frame([("ann", 1, 4, 1, None)])
    window = week(created="told", features={"rides": "count"})
    found = window.at(asking_frame([("ann", 4), ("ann", 5), ("ann", 9)]), seen, time="asked")
    assert found["rides"].to_list() == [0, 1, 0]


def test_large_numbers_keep_their_spread():
    seen = event_frame([("ann", hour, None, 0, None) for hour in range(4)]).with_columns(
        km=pl.Series([1e12 + 1, 1e12 + 2, 1e12 + 3, 1e12 + 4])
    )
    window = week(features={"sd": ("km", "sd")})
    found = window.at(asking_frame([("ann", 5)]), seen, time="asked")
    assert found["sd"][0] == pytest.approx(statistics.stdev([1, 2, 3, 4]), rel=1e-9)


def test_entities_may_have_several_columns_and_days_are_times():
    class Visit(Schema):
        visit_id: str
        clinic: str
        room: int
        day: date

    visits = Dataset("visits", schema=Visit, key="visit_id")
    window = Window(
        "busy",
        source=visits,
        entity=["clinic", "room"],
        time="day",
        length="3d",
        features={"visits": "count"},
    )
    seen = pl.DataFrame(
        {
            "visit_id": ["a", "b", "c"],
            "clinic": ["n", "n", "s"],
            "room": [1, 2, 1],
            "day": [date(2024, 5, 1)] * 3,
        }
    )
    rows = pl.DataFrame({"room": [1, 2], "clinic": ["n", "s"], "on": [date(2024, 5, 3)] * 2})
    assert window.at(rows, seen, time="on")["visits"].to_list() == [1, 0]


def test_times_too_far_apart_for_one_number_are_ranked():
    moments = np.array([0, 5, 5, 9], dtype=np.int64)
    far = TimeScale.of(moments * 10**15, entities=10**6)
    near = TimeScale.of(moments, entities=10)
    assert (far.ranked is None, near.ranked is None) == (False, True)
    asked = np.array([-1, 0, 3, 5, 6, 9, 11], dtype=np.int64)
    codes = np.ones(asked.size, dtype=np.int64)
    theirs = near.keys(codes, asked)
    ordered = near.keys(np.ones(4, dtype=np.int64), moments)
    found = np.searchsorted(ordered, theirs).tolist()
    assert found == [0, 0, 1, 1, 3, 3, 4]
    far_ordered = far.keys(np.ones(4, dtype=np.int64), moments * 10**15)
    assert np.searchsorted(far_ordered, far.keys(codes, asked * 10**15)).tolist() == found


def test_no_rows_and_no_events_give_typed_columns():
    empty = week().at(asking_frame([]), event_frame([]), time="asked")
    assert empty.height == 0
    assert empty.schema["rides"] == pl.Int64
    assert empty.schema["zone_last"] == pl.String
    none = week().at(asking_frame([("ann", 1)]), event_frame([]), time="asked")
    assert none["rides"].to_list() == [0]
    assert none["km_mean"].to_list() == [None]


# -- what can't be meant -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"entity": "ridder"}, "has no column 'ridder'. Did you mean 'rider'"),
        ({"time": "km"}, "its time column 'km' is not a datetime"),
        ({"created": "zone"}, "its time column 'zone' is not a datetime"),
        ({"features": {}}, "it computes nothing"),
        ({"features": {"x": ("km", "median")}}, "is computed by 'median'"),
        ({"features": {"x": "sum"}}, "has a sum of no column"),
        ({"features": {"x": ("kms", "sum")}}, "has no column 'kms'"),
        ({"features": {"x": ("zone", "mean")}}, "column 'zone' holds String, which has no mean"),
        ({"features": {"rider": "count"}}, "is called like a column that is there already"),
        ({"every": "8h"}, "it moves farther than it reaches"),
    ],
)
def test_what_cannot_be_meant_is_refused_as_it_is_declared(changes: dict, why: str):
    with pytest.raises(InvalidProject) as caught:
        week(**changes)
    assert why in str(caught.value)


def test_frames_must_have_the_columns_and_room_for_the_features():
    seen = event_frame([])
    with pytest.raises(NotFound, match="there is no column 'asked'"):
        week().at(pl.DataFrame({"rider": ["ann"]}), seen, time="asked")
    with pytest.raises(NotFound, match="there is no column 'km'"):
        week().at(asking_frame([]), seen.drop("km"), time="asked")
    with pytest.raises(UsageError, match="already have a column 'rides'"):
        week().at(asking_frame([]).with_columns(rides=1), seen, time="asked")
    with pytest.raises(UsageError, match="moves with each row is no table"):
        week().table(seen)
