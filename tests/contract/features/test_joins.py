"""Joins through the store: one answer, however the observations came in and were laid out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.assets.features import FeatureService
from towpath.core.errors import NotFound, UsageError

RIDERS = ("ann", "bob", "cid")
minutes = st.integers(0, 9)
observations = st.lists(
    st.tuples(st.sampled_from(RIDERS), minutes, st.none() | minutes), min_size=1, max_size=10
)
questions = st.lists(
    st.tuples(st.none() | st.sampled_from((*RIDERS, "dee")), st.none() | st.integers(0, 14)),
    min_size=1,
    max_size=12,
)


def by_definition(
    asked: pl.DataFrame, seen: pl.DataFrame, *, ttl: timedelta | None, created: bool, mode: str
) -> list[float | None]:
    """Read the definition row by row: the largest (time, created, key) that counts and still lives."""

    def answer(row: dict[str, Any]) -> float | None:
        known = []
        for one in seen.iter_rows(named=True):
            noted = one["noted"] if created else None
            counts_from = max(one["at"], noted or one["at"]) if mode == "known" else one["at"]
            if one["rider"] == row["rider"] and row["when"] and counts_from <= row["when"]:
                order = (one["at"], (noted is not None, noted or one["at"]), one["reading"])
                known.append((order, one["pulse"], one["at"]))
        if not known:
            return None
        _, pulse, at = max(known)
        return pulse if ttl is None or at + ttl >= row["when"] else None

    return [answer(row) for row in asked.iter_rows(named=True)]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(observations, min_size=1, max_size=3),
    asked=questions,
    ttl=st.none() | st.integers(1, 4),
    created=st.booleans(),
    mode=st.sampled_from(["known", "event"]),
    built_after=st.sets(st.integers(0, 2)),
)
def test_the_answer_is_the_definitions_whatever_was_built_when(
    embedded_home: Any,
    *,
    batches: list[Any],
    asked: list[Any],
    ttl: int | None,
    created: bool,
    mode: Any,
    built_after: set[int],
) -> None:
    home = embedded_home
    source = home.dataset()
    span = None if ttl is None else timedelta(minutes=ttl)
    view = home.view(source, ttl=span, created="noted" if created else None)
    number, seen = 0, []
    for turn, batch in enumerate(batches):
        rows = home.readings(
            *((number + n, who, at, noted) for n, (who, at, noted) in enumerate(batch))
        )
        number += len(batch)
        seen.append(rows)
        home.commit(source, rows)
        if turn in built_after:
            home.features.build(view, project="races")
    wanted = home.askers(*asked)
    joined = home.features.join(wanted, view, time="when", mode=mode)

    expected = by_definition(wanted, pl.concat(seen), ttl=span, created=created, mode=mode)
    assert joined["pulse"].to_list() == expected
    assert joined.select(wanted.columns).equals(wanted)


def test_an_entity_may_be_several_columns_and_a_number(home: Any) -> None:
    source = home.dataset()
    home.commit(
        source, home.readings((1, "ann", 0, None), (2, "ann", 0, None), (3, "bob", 0, None))
    )
    view = home.view(source, entity=["rider", "lap"])
    rows = home.readings((1, "ann", 5, None), (2, "ann", 5, None), (0, "bob", 5, None)).select(
        "rider", pl.col("lap").cast(pl.Int16), "at"
    )
    expected = [1.0, 2.0, 3.0]

    assert home.features.join(rows, view, time="at")["pulse"].to_list() == expected
    home.features.build(view, project="races")
    assert home.features.join(rows, view, time="at")["pulse"].to_list() == expected
    laps = home.view(source, entity="lap").lookup(prefix="lap_")
    assert home.features.join(rows, laps, time="at")["lap_place"].to_list() == [
        "km 1",
        "km 2",
        "km 3",
    ]


def test_a_service_looks_one_view_up_twice(home: Any) -> None:
    source = home.dataset()
    home.commit(source, home.readings((1, "ann", 0, None), (2, "bob", 0, None)))
    view = home.view(source)
    service = FeatureService(
        "duel", views=[view.lookup("pulse"), view.lookup("pulse", by="rival", prefix="rival_")]
    )
    rows = home.askers(("ann", 1), ("bob", 1)).with_columns(rival=pl.Series(["bob", "ann"]))

    joined = home.features.join(rows.lazy(), service, time="when")

    assert joined.select(service.features).rows() == [(1.0, 2.0), (2.0, 1.0)]


def test_an_earlier_version_of_the_source_can_be_asked(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    for number in (1, 2):
        home.commit(source, home.readings((number, "ann", number, None)))
        home.features.build(view, project="races")
    rows = home.askers(("ann", 9))

    def pulse(version: int) -> list[float | None]:
        sources = {source.name: source.ref.at(version)}
        return home.features.join(rows, view, time="when", sources=sources)["pulse"].to_list()

    assert (pulse(1), pulse(2)) == ([1.0], [2.0])
    with pytest.raises(NotFound, match="@3"):
        pulse(3)


@pytest.mark.parametrize("built", [False, True])
def test_what_can_not_be_joined_is_refused_by_name(home: Any, built: bool) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None)))
    if built:
        home.features.build(view, project="races")
    rows = home.askers(("ann", 1))

    def join(frame: pl.DataFrame, time: str = "when") -> pl.DataFrame:
        return home.features.join(frame, view, time=time)

    with pytest.raises(NotFound, match="'rider'"):
        join(rows.drop("rider"))
    with pytest.raises(NotFound, match="'then'"):
        join(rows, time="then")
    with pytest.raises(UsageError, match="'rider' is Int64, and the entity it is matched with"):
        join(rows.with_columns(rider=pl.lit(1, pl.Int64)))
    with pytest.raises(UsageError, match="'rider' is String, and says no moments"):
        join(rows, time="rider")
    with pytest.raises(UsageError, match="already have a column 'pulse'"):
        join(rows.with_columns(pulse=pl.lit(1.0)))
    assert join(rows.clear()).columns == [*rows.columns, "pulse", "place"]


def test_times_of_any_unit_and_zone_ask_the_same(home: Any) -> None:
    source = home.dataset()
    home.commit(source, home.readings((1, "ann", 5, None)))
    view = home.view(source, ttl="1m")
    home.features.build(view, project="races")
    rows = home.askers(("ann", 4), ("ann", 5), ("ann", 6), ("ann", 7))

    for moments in (
        pl.col("when").dt.replace_time_zone(None),
        pl.col("when").dt.convert_time_zone("Asia/Tokyo"),
        pl.col("when").dt.cast_time_unit("ms"),
    ):
        joined = home.features.join(rows.with_columns(moments), view, time="when")
        assert joined["pulse"].to_list() == [None, 1.0, 1.0, None]
