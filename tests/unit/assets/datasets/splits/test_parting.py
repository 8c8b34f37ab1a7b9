"""Splits: nobody in two parts, shares met, and rows that stay where they are when others come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.assets.datasets.splits import Split, find_cuts, part_of, parted
from towpath.core.errors import NotFound, UsageError

T0 = datetime(2024, 5, 1, tzinfo=UTC)
ROWS = 4_000
HOUR_US = 3_600_000_000
GOLDEN = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1]


def table(rows: int = ROWS, first: int = 0, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"r{number}" for number in range(first, first + rows)],
            "who": [f"p{number}" for number in rng.integers(0, 400, rows)],
            "at": [T0 + timedelta(minutes=int(one)) for one in rng.integers(0, 60_000, rows)],
            "late": rng.random(rows) < 0.1,
        }
    )


def ids(parts: list[pl.DataFrame]) -> list[set[str]]:
    return [set(part["id"]) for part in parts]


def split(by: str = "random", **options: object) -> Split:
    columns = {"group": ("who",), "time": ("at",)}.get(by, ("id",))
    strata = ("late",) if by == "stratified" else ()
    return Split(**{"by": by, "columns": columns, "strata": strata, **options})


EVERY = [split(by) for by in ("random", "group", "stratified", "time")]


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.by)
def test_every_row_is_in_one_part_whatever_the_order(way: Split):
    rows = table()
    parts = ids(parted(rows, way))
    assert set.union(*parts) == set(rows["id"])
    assert sum(map(len, parts)) == rows.height
    shuffled = rows.sample(fraction=1, shuffle=True, seed=1)
    assert ids(parted(shuffled, way)) == parts
    assert [part["id"].to_list() for part in parted(rows, way)] == [
        [one for one in rows["id"] if one in part] for part in parts
    ]


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.by)
@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.7, 0.15, 0.15)])
def test_shares_are_met(way: Split, shares: tuple[float, ...]):
    rows = table()
    way = split(way.by, shares=shares)
    tolerance = {"stratified": 2 / ROWS, "time": 2 / ROWS}.get(way.by, 0.05)
    for part, share in zip(parted(rows, way), shares, strict=True):
        assert part.height / ROWS == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize("way", EVERY[:3], ids=lambda way: way.by)
def test_another_seed_gives_other_parts(way: Split):
    rows = table()
    other = split(way.by, seed=1)
    assert ids(parted(rows, way)) == ids(parted(rows, split(way.by)))
    assert ids(parted(rows, way)) != ids(parted(rows, other))


# -- group -------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=30, max_size=80),
    st.sampled_from([(0.8, 0.2), (0.5, 0.25, 0.25)]),
    st.integers(0, 3),
)
def test_nobody_is_in_two_parts(people: list[int], shares: tuple[float, ...], seed: int):
    rows = pl.DataFrame({"who": [f"p{one}" for one in people]})
    part = part_of(rows, find_cuts(rows.lazy(), split("group", shares=shares, seed=seed)))
    per_person = rows.with_columns(part).group_by("who").agg(pl.col("part").n_unique())
    assert per_person["part"].to_list() == [1] * per_person.height


def test_a_person_is_in_the_same_part_of_every_data_set():
    rides, calls = table(), table(seed=9).rename({"late": "answered"})
    way = split("group")
    test = set(parted(rides, way)[1]["who"])
    assert not test & set(parted(calls, way)[0]["who"])


def test_rows_without_a_group_are_learned_from():
    rows = table().with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise(pl.col("who")).alias("who")
    )
    first, second = parted(rows, split("group"))
    assert second["who"].null_count() == 0
    assert first["who"].null_count() == ROWS // 10


# -- rows that come later ----------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["random", "group"])
def test_rows_that_come_later_move_nobody(by: str):
    before = ids(parted(table(), split(by)))
    more = pl.concat([table(), table(1_000, first=ROWS, seed=3)])
    after = ids(parted(more, split(by)))
    assert all(old <= new for old, new in zip(before, after, strict=True))


def test_strata_move_no_more_rows_than_come():
    before = ids(parted(table(), split("stratified")))
    more = pl.concat([table(), table(100, first=ROWS, seed=3)])
    after = ids(parted(more, split("stratified")))
    moved = sum(len(old - new) for old, new in zip(before, after, strict=True))
    assert moved <= 100


@pytest.mark.parametrize("way", EVERY, ids=lambda way: way.by)
def test_known_cuts_part_later_rows_alike(way: Split):
    cuts = find_cuts(table().lazy(), way)
    more = pl.concat([table(), table(500, first=ROWS, seed=3)])
    assert part_of(more, cuts)[:ROWS].equals(part_of(table(), cuts))


def test_parts_are_the_same_for_ever():
    """A split that was recorded must be found again by another version on another machine."""
    rows = pl.DataFrame({"id": [f"r{number}" for number in range(12)]})
    cuts = find_cuts(rows.lazy(), split(shares=(0.5, 0.5)))
    assert part_of(rows, cuts).to_list() == GOLDEN


# -- stratified --------------------------------------------------------------------------------------


def test_every_value_has_its_share_in_every_part():
    rows = table()
    share = rows["late"].mean()
    for part in parted(rows, split("stratified", shares=(0.6, 0.2, 0.2))):
        assert part["late"].mean() == pytest.approx(share, abs=0.003)


def test_several_columns_make_strata_and_missing_is_a_value():
    rows = table().with_columns(
        pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise(pl.col("late")).alias("late"),
        half=pl.int_range(pl.len()) % 2,
    )
    first, second = parted(rows, split("stratified", strata=("late", "half")))
    counts = [part.group_by("late", "half").len().sort("late", "half") for part in (first, second)]
    for one, two in zip(counts[0]["len"], counts[1]["len"], strict=True):
        assert two / (one + two) == pytest.approx(0.2, abs=1 / (one + two))


def test_strata_of_single_rows_are_refused():
    with pytest.raises(UsageError, match="id has 4000 different values in 4000 rows"):
        parted(table(), split("stratified", strata=("id",)))


# -- time --------------------------------------------------------------------------------------------


def test_time_parts_old_from_new_and_keeps_equal_times_together():
    rows = table().with_columns(pl.col("at").dt.truncate("1h"))
    first, second, third = parted(rows, split("time", shares=(0.6, 0.2, 0.2)))
    assert first["at"].max() < second["at"].min()
    assert second["at"].max() < third["at"].min()


def test_the_last_span_is_what_is_younger_than_it():
    rows = table()
    past, recent = parted(rows, split("time", shares=(0.5, 0.5), last_us=24 * HOUR_US))
    newest = rows["at"].max()
    assert past["at"].max() <= newest - timedelta(days=1) < recent["at"].min()


def test_a_gap_before_a_cut_is_left_out():
    rows = table()
    past, recent = parted(rows, split("time", gap_us=6 * HOUR_US))
    assert recent["at"].min() - past["at"].max() > timedelta(hours=6) - timedelta(minutes=60)
    assert past.height + recent.height < rows.height
    plain_past, plain_recent = parted(rows, split("time"))
    assert recent.equals(plain_recent)
    cut = plain_recent["at"].min()
    assert past.equals(plain_past.filter(pl.col("at") < cut - timedelta(hours=6)))


def test_rows_without_a_time_are_learned_from():
    rows = table().with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(None).otherwise(pl.col("at")).alias("at")
    )
    past, recent = parted(rows, split("time", gap_us=HOUR_US))
    assert (past["at"].null_count(), recent["at"].null_count()) == (1, 0)


# -- what can't be -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"by": "luck"}, "by is 'luck'"),
        ({"columns": ()}, "it names no columns"),
        ({"shares": (1.0,)}, "its shares are"),
        ({"shares": (0.5, 0.0, 0.5)}, "its shares are"),
        ({"shares": (0.5, 0.6)}, "add up to 1.1"),
        ({"by": "stratified", "strata": ()}, "strata go with"),
        ({"strata": ("late",)}, "strata go with"),
        ({"gap_us": 1}, "gap and last are for by='time'"),
        ({"by": "time", "columns": ("a", "b")}, "several time columns"),
        ({"by": "time", "columns": ("a",), "last_us": 1, "shares": (0.4, 0.3, 0.3)}, "two parts"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict, why: str):
    with pytest.raises(UsageError) as caught:
        split(**options)
    assert why in str(caught.value)


def test_rows_must_have_the_columns_and_enough_rows():
    with pytest.raises(NotFound, match="there is no column 'whom'"):
        parted(table(), split("group", columns=("whom",)))
    with pytest.raises(UsageError, match="it holds String"):
        parted(table(), split("time", columns=("id",)))
    with pytest.raises(UsageError, match="part 2 of 2 would have no rows of 4000"):
        parted(table().with_columns(who=pl.lit("one")), split("group"))
    with pytest.raises(UsageError, match="there are no rows to split"):
        parted(table().clear(), split("time"))
