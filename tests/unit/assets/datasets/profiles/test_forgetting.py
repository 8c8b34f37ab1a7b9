"""A profile that forgets somebody's rows holds nothing of them, and the rest as it was."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from towpath.assets.datasets.profiles.counting import as_numbers
from towpath.assets.datasets.profiles.distinct import sketch_numbers
from towpath.assets.datasets.profiles.forgetting import Witnesses, forget
from towpath.assets.datasets.profiles.profile import Profile

ROWS = 40_000
EDGES = 256


def table(seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "key": np.arange(ROWS),
            "who": rng.integers(0, 400, ROWS),
            "income": rng.lognormal(10, 1, ROWS).round(2),
            "age": rng.integers(18, 95, ROWS),
            "city": rng.choice(["Rome", "Oslo", "Bonn"], ROWS),
        }
    )


def profiled(rows: pl.DataFrame) -> Profile:
    return Profile.of(rows, hidden=["who"], keys=["key"], least_count=5, told_apart_by=["key"])


def without(profile: Profile, rows: pl.DataFrame, theirs: pl.Series) -> Profile:
    gone = rows.filter(theirs)
    return forget(
        profile,
        gone,
        theirs=Witnesses(gone),
        beside=Witnesses(rows.filter(~theirs)[: ROWS // 4]),
        least_count=5,
        recounted=lambda bins, some: bins.recount(some),
    )


def test_counts_means_and_bins_are_those_of_the_rows_that_are_left():
    rows = table()
    theirs = rows["who"] < 8
    found = without(profiled(rows), rows, theirs)
    counted = found.recount(rows.filter(~theirs))
    assert found.rows == counted.rows == int((~theirs).sum())
    for mine, told in zip(found.columns, counted.columns, strict=True):
        assert mine.counts.tolist() == told.counts.tolist()
        assert (mine.nulls, mine.beyond) == (told.nulls, told.beyond)
        assert mine.mean == pytest.approx(told.mean, nan_ok=True)
        assert mine.sd == pytest.approx(told.sd, nan_ok=True)
    assert found.drawn is not None
    assert found.drawn.repeats is not None
    assert counted.drawn.repeats.hashes.tolist() == found.drawn.repeats.hashes.tolist()


def test_no_edge_is_a_value_that_only_they_had():
    rows = table()
    profile = profiled(rows)
    edges = profile.column("income").edges
    # Whoever has the value of an edge is the one who goes.
    theirs = rows["income"].is_in(edges[[3, 100, 250]])
    found = without(profile, rows, theirs).column("income")
    assert not np.isin(found.edges, edges[[3, 100, 250]]).any()
    assert found.edges.size == edges.size - 3
    assert found.counts.sum() == int((~theirs).sum())
    coded = without(profile, rows, theirs).drawn.associations
    (number,) = (one for one in coded.numbers if one.name == "income")
    assert np.isin(number.edges, found.edges).all()


def test_an_edge_that_many_share_stays():
    rows = table()
    profile = profiled(rows)
    theirs = rows["who"] == 5
    found = without(profile, rows, theirs)
    assert found.column("age").edges.tolist() == profile.column("age").edges.tolist()
    assert found.column("city").items == profile.column("city").items


def test_the_extreme_of_a_column_leaves_nothing_behind():
    """The richest of all: no edge, no sum, no register, no mean tells that there was one."""
    rows = table()
    richest = pl.DataFrame(
        {"key": [ROWS], "who": [9_999], "income": [9.87654321e9], "age": [112], "city": ["Ys"]},
    ).cast(rows.schema)
    extreme = pl.concat([rows, richest] * 1)
    profile = profiled(extreme)
    found = without(profile, extreme, extreme["who"] == 9_999)
    spared = found.recount(rows)
    income, told = found.column("income"), spared.column("income")
    assert income.mean == pytest.approx(told.mean)
    assert income.sd == pytest.approx(told.sd, rel=1e-6)
    assert income.sums == pytest.approx(told.sums)
    assert (income.edges < 1e8).all()
    assert "Ys" not in found.column("city").items
    assert b"9876543210" not in found.encode().replace(b".", b"")
    lonely = sketch_numbers(np.array([9.87654321e9]))
    place = int(lonely.argmax())
    others = sketch_numbers(np.sort(as_numbers(rows["income"])))
    if profile.column("income").registers[place] > others[place]:
        assert income.registers[place] < lonely[place]


def test_registers_that_only_they_set_are_set_to_the_middle():
    rows = table()
    profile = profiled(rows)
    theirs = rows["who"] < 8
    found = without(profile, rows, theirs)
    kept = sketch_numbers(np.sort(as_numbers(rows.filter(~theirs)["income"])))
    gone = sketch_numbers(np.sort(as_numbers(rows.filter(theirs)["income"])))
    registers = found.column("income").registers
    told = profile.column("income").registers
    theirs_alone = (told == gone) & (kept < gone)
    assert theirs_alone.any()
    assert (registers[theirs_alone] == np.median(told)).all()
    assert found.column("income").distinct == pytest.approx(
        rows.filter(~theirs)["income"].n_unique(), rel=0.07
    )


def test_an_item_of_one_person_alone_joins_the_others():
    rows = table()
    theirs = rows["key"] < 9
    odd = rows.with_columns(
        city=pl.when(theirs).then(pl.lit("12 Elm Street")).otherwise(pl.col("city"))
    )
    profile = profiled(odd)
    assert "12 Elm Street" in profile.column("city").items
    found = without(profile, odd, theirs)
    city = found.column("city")
    assert "12 Elm Street" not in city.items
    assert city.counts.sum() == ROWS - 9
    assert b"Elm" not in found.encode()
    counted = found.recount(odd.filter(~theirs))
    assert city.counts.tolist() == counted.column("city").counts.tolist()
    assert found.drawn.associations.products == pytest.approx(
        counted.drawn.associations.products, abs=0.5
    )


def test_the_mean_before_can_not_be_read_from_how_numbers_are_coded():
    """An exact centre beside the mean of what is left would give the erased value away."""
    rows = table()
    number = next(one for one in profiled(rows).drawn.associations.numbers if one.name == "income")
    assert number.centre != rows["income"].mean()
    assert np.frexp(number.scale)[0] == 0.5
    step = number.scale / 64
    assert number.centre == round(number.centre / step) * step


def test_forgetting_again_and_again_keeps_the_shape_of_a_column():
    rows = table()
    found = profiled(rows)
    for who in range(0, 80, 4):
        theirs = rows["who"].is_between(who, who + 3)
        found = without(found, rows, theirs)
        rows = rows.filter(~theirs)
    income = found.column("income")
    assert income.count == rows.height
    assert income.edges.size > EDGES // 2
    for q in (0.1, 0.5, 0.9):
        assert income.quantile(q) == pytest.approx(rows["income"].quantile(q), rel=0.05)
    assert income.sums.sum() == pytest.approx(rows["income"].sum(), rel=0.05)
