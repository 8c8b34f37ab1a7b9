"""What moved is told in the column's own unit, and by nobody's name."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from towpath.assets.datasets.profiles import Profile
from towpath.operate.monitoring.moves import Move, describe_move

RNG = np.random.default_rng(1)
NORMAL = RNG.normal(50, 5, 5000)


def moved(before: object, after: object, *, personal: bool = False) -> Move:
    bins = Profile.of(pl.DataFrame({"x": before}), edges=256, least_count=20, distinct=False)
    now = bins.recount(pl.DataFrame({"x": after}))
    found = describe_move(bins.column("x"), now.column("x"), personal=personal)
    assert found is not None
    return found


def test_a_shift_is_told_by_the_median():
    found = moved(NORMAL, NORMAL + 4)
    assert found.what == "median"
    assert found.after - found.before == pytest.approx(4, abs=0.5)


def test_a_tail_that_moved_alone_is_told_by_its_percentile():
    stretched = np.where(NORMAL > 54, NORMAL + 3, NORMAL)
    assert moved(NORMAL, stretched).what == "90th percentile"


def test_values_that_went_missing_are_told_by_their_share():
    gaps = pl.Series(NORMAL).set(pl.Series(NORMAL < 51), None)
    found = moved(NORMAL, gaps)
    assert (found.what, found.before) == ("share missing", 0.0)
    assert found.after == pytest.approx(0.58, abs=0.03)


def test_a_level_is_told_by_its_share():
    found = moved(["a"] * 60 + ["b"] * 40, ["a"] * 20 + ["b"] * 80)
    assert found.what in ("share of 'a'", "share of 'b'")
    assert abs(found.after - found.before) == pytest.approx(0.4)
    unseen = moved(["a"] * 60 + ["b"] * 40, ["a"] * 30 + ["b"] * 20 + ["c"] * 50)
    assert unseen.what == "share of levels that training hardly saw"


def test_levels_that_may_name_people_are_told_by_rank():
    before, after = ["ann"] * 60 + ["bob"] * 40, ["ann"] * 10 + ["bob"] * 90
    assert "ann" not in moved(before, after, personal=True).what
    rare = ["x"] * 9950 + ["bob"] * 50
    assert "bob" not in moved(rare, ["x"] * 9000 + ["bob"] * 1000).what.replace("share of 'x'", "")


def test_nothing_is_said_of_no_rows():
    bins = Profile.of(pl.DataFrame({"x": NORMAL}), edges=64, distinct=False)
    empty = bins.recount(pl.DataFrame({"x": []}, schema={"x": pl.Float64}))
    assert describe_move(bins.column("x"), empty.column("x")) is None
