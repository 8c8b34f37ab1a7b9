"""Searches over several parts give the answer of all parts in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.assets.features.arranging import Arranged, arrange, nothing
from towpath.assets.features.joining import join_parts
from towpath.assets.features.searching import codes_of
from towpath.assets.features.shape import shape_of

if TYPE_CHECKING:
    from towpath.assets.features import JoinMode

origins = st.sampled_from(["EWR", "JFK", "LGA"])
minutes = st.integers(0, 9)
reports = st.lists(st.tuples(origins, minutes, st.none() | minutes), max_size=30, unique=True)
asked = st.lists(st.tuples(st.none() | origins, st.none() | st.integers(0, 12)), max_size=15)


def answers(weather: Any, view: Any, parts: list[Arranged], rows: Any, mode: JoinMode) -> list[Any]:
    wanted = view.lookup("wind").wanted
    joined = join_parts(weather.askers(*rows), wanted, parts, time="when", mode=mode)
    return joined["wind"].to_list()


@settings(deadline=None)
@given(
    seen=reports,
    rows=asked,
    parts=st.integers(1, 4),
    mode=st.sampled_from(["known", "event"]),
    created=st.booleans(),
)
def test_parts_answer_like_the_whole(
    weather: Any, *, seen: Any, rows: Any, parts: int, mode: JoinMode, created: bool
) -> None:
    view = weather.view(created="made" if created else None, ttl="3m")
    shape = shape_of(view)
    frame = weather.reports(*((n, *one) for n, one in enumerate(seen)))
    if not created:  # what makes two parts disagree about a tie is kept out of them by who lays out
        frame = frame.unique(["origin", "observed"], keep="first", maintain_order=True)
    whole = [arrange(shape, frame)]
    split = [arrange(shape, frame[place::parts]) for place in range(parts)]

    assert answers(weather, view, split, rows, mode) == answers(weather, view, whole, rows, mode)


def test_no_observations_answer_nothing(weather: Any) -> None:
    view = weather.view(created="made")
    none = nothing(shape_of(view))
    rows = [("JFK", 1), (None, 1)]

    for mode in ("known", "event"):
        assert answers(weather, view, [none], rows, mode) == [None, None]
        assert answers(weather, view, [none, none], rows, mode) == [None, None]


@pytest.mark.parametrize("kind", [pl.String, pl.Int64, pl.Date])
def test_few_entities_are_found_among_many_as_many_are(kind: Any, weather: Any) -> None:
    numbers = pl.Series("origin", range(0, 2000, 2), dtype=pl.Int64)
    if kind == pl.Date:
        numbers = numbers.cast(pl.Int32)
    known = numbers.cast(kind).sort()
    directory = pl.DataFrame({"entity.origin": known, "start": np.arange(1000, dtype=np.uint32)})
    observations = pl.DataFrame({"time": [weather.at(0)] * 1000})
    one = Arranged(shape=shape_of(weather.view()), directory=directory, observations=observations)
    few = pl.DataFrame({"origin": [known[999], None, known[0], known[0], known[501]]})
    absent = pl.DataFrame({"origin": pl.Series([1, 1999], dtype=numbers.dtype).cast(kind)})
    many = pl.concat([few] * 50)

    assert codes_of(one, few).tolist() == [999, -1, 0, 0, 501]
    assert codes_of(one, absent).tolist() == [-1, -1]
    assert codes_of(one, many).tolist() == [999, -1, 0, 0, 501] * 50
