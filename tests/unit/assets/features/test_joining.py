"""The point-in-time join, against its definition read row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset, Schema
from towpath.assets.features import FeatureView, as_of_join, join_view
from towpath.core.errors import InvalidProject, NotFound, UsageError

START = datetime(2013, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
minutes = st.none() | st.integers(0, 12)
entities = st.none() | st.sampled_from(["a", "b"])


def at(minute: int | None) -> datetime | None:
    return None if minute is None else START + timedelta(minutes=minute)


def askers(rows: list[tuple[str | None, int | None]]) -> pl.DataFrame:
    data = [(entity, at(minute)) for entity, minute in rows]
    return pl.DataFrame(data, schema={"k": pl.String, "t": TIME}, orient="row")


def observations(rows: list[tuple[str | None, int | None, int | None]]) -> pl.DataFrame:
    data = [(k, at(ts), at(made), place) for place, (k, ts, made) in enumerate(rows)]
    schema = {"k": pl.String, "ts": TIME, "made": TIME, "v": pl.Int64}
    return pl.DataFrame(data, schema=schema, orient="row")


def by_definition(
    left: pl.DataFrame, right: pl.DataFrame, ttl: timedelta | None, *, created: bool, mode: str
) -> list[int | None]:
    def found(row: dict[str, Any]) -> int | None:
        if row["k"] is None or row["t"] is None:
            return None
        best: tuple[Any, ...] | None = None
        for place, seen in enumerate(right.iter_rows(named=True)):
            if seen["k"] != row["k"] or seen["ts"] is None:
                continue
            made = (seen["made"] or START - timedelta(days=1)) if created else seen["ts"]
            if (max(seen["ts"], made) if mode == "known" else seen["ts"]) <= row["t"]:
                best = max(best or (), (seen["ts"], made, place))
        if best is None or (ttl is not None and best[0] + ttl < row["t"]):
            return None
        return right["v"][best[2]]

    return [found(row) for row in left.iter_rows(named=True)]


@settings(deadline=None)
@given(
    left=st.lists(st.tuples(entities, minutes), max_size=12),
    right=st.lists(st.tuples(entities, minutes, minutes), max_size=25),
    ttl=st.none() | st.integers(1, 5),
    created=st.booleans(),
    mode=st.sampled_from(["known", "event"]),
)
def test_every_row_gets_what_the_definition_says(
    *, left: list[Any], right: list[Any], ttl: int | None, created: bool, mode: Any
):
    rows, seen = askers(left), observations(right)
    span = None if ttl is None else timedelta(minutes=ttl)
    joined = as_of_join(
        rows,
        seen,
        entity=["k"],
        left_time="t",
        right_time="ts",
        features=["v"],
        ttl=span,
        created="made" if created else None,
        mode=mode,
    )
    assert joined["v"].to_list() == by_definition(rows, seen, span, created=created, mode=mode)
    assert joined.drop("v").equals(rows)


def join(left: pl.DataFrame, right: pl.DataFrame, **options: Any) -> list[Any]:
    options = {"entity": ["k"], "left_time": "t", "right_time": "ts", "features": ["v"]} | options
    return as_of_join(left, right, **options)["v"].to_list()


def test_time_to_live_is_inclusive_at_both_ends():
    seen = observations([("a", 5, None)])
    asked = askers([("a", 4), ("a", 5), ("a", 7), ("a", 8)])
    assert join(asked, seen, ttl=timedelta(minutes=2)) == [None, 0, 0, None]


def test_a_correction_is_not_known_before_it_was_made():
    seen = observations([("a", 1, 1), ("a", 1, 6)])
    assert join(askers([("a", 5), ("a", 6)]), seen, created="made") == [0, 1]


def test_a_late_report_of_older_news_does_not_hide_newer_news():
    seen = observations([("a", 5, 5), ("a", 1, 8)])
    assert join(askers([("a", 9)]), seen, created="made") == [0]


def test_entities_of_several_columns():
    left = pl.DataFrame({"k": ["a", "a"], "n": [1, 2], "t": [at(3), at(3)]})
    right = pl.DataFrame({"k": ["a", "a"], "n": [1, 3], "ts": [at(1), at(1)], "v": [10, 30]})
    assert join(left, right, entity=["k", "n"]) == [10, None]


def test_a_column_that_is_there_already_is_not_overwritten():
    with pytest.raises(UsageError, match="already have a column 'v'"):
        join(askers([]).with_columns(v=pl.lit(1)), observations([]))


def test_a_missing_column_is_named():
    with pytest.raises(NotFound, match="'w'"):
        join(askers([]), observations([]), features=["w"])


class Reading(Schema):
    origin: str
    observed: datetime
    wind: float | None


weather = Dataset("weather", schema=Reading, key=("origin", "observed"), time="observed")


def view(**changes: object) -> FeatureView:
    values = {"entity": "origin", "time": "observed", "ttl": "2h", "features": ["wind"]}
    return FeatureView("weather", source=weather, **(values | changes))


def test_a_view_joins_its_features_by_its_own_rules():
    rows = pl.DataFrame({"origin": ["JFK", "JFK"], "scheduled": [at(60), at(200)]})
    seen = pl.DataFrame({"origin": ["JFK"], "observed": [at(0)], "wind": [3.5]})
    assert join_view(rows, view(), seen, time="scheduled")["wind"].to_list() == [3.5, None]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"features": ["winds"]}, "no column 'winds'.*Did you mean 'wind'"),
        ({"features": []}, "names no features"),
        ({"time": "wind"}, "not a datetime"),
        ({"entity": "airport"}, "no column 'airport'"),
        (
            {"entity": "wind", "features": ["origin"]},
            "entity column 'wind' is a float64.*matched by equality",
        ),
        ({"entity": []}, "names no entity columns"),
        ({"entity": ["origin", "origin"]}, "names the entity column 'origin' twice"),
        ({"features": ["wind", "wind"]}, "names the feature 'wind' twice"),
        ({"features": ["origin"]}, "feature 'origin' is its entity"),
    ],
)
def test_a_view_that_does_not_hang_together_says_why(changes: dict[str, object], why: str):
    with pytest.raises(InvalidProject, match=why):
        view(**changes)


def test_a_lookup_goes_by_other_columns_and_names():
    rows = pl.DataFrame({"dest": ["JFK"], "scheduled": [at(60)]})
    seen = pl.DataFrame({"origin": ["JFK"], "observed": [at(0)], "wind": [3.5]})
    lookup = view().lookup(by="dest", prefix="dest_")
    assert join_view(rows, lookup, seen, time="scheduled")["dest_wind"].to_list() == [3.5]
    assert [(one.name, one.nullable) for one in lookup.columns] == [("dest_wind", True)]
    assert [one.name for one in lookup.entity] == ["dest"]


def test_a_lookup_can_only_ask_for_what_the_view_has():
    with pytest.raises(InvalidProject, match=r"no feature 'winds'.*Did you mean 'wind'"):
        view().lookup("winds")
    with pytest.raises(InvalidProject, match="looked up by 2 columns, and its entity has 1"):
        view().lookup(by=["dest", "day"])


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["JFK"]), pl.String])
def test_categories_are_text(kind: Any):
    seen = pl.DataFrame({"origin": ["JFK"], "observed": [at(0)], "wind": [3.5]})
    rows = pl.DataFrame({"origin": pl.Series(["JFK"], dtype=kind), "scheduled": [at(60)]})
    assert join_view(rows, view(), seen, time="scheduled")["wind"].to_list() == [3.5]
