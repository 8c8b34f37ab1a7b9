"""Profiles: what they count, that they merge exactly, and what they keep to themselves."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets.profiles import ColumnProfile, Profile
from towpath.core.errors import IntegrityError, NotFound, UsageError

numbers = st.lists(
    st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1.0, math.nan]), max_size=60
)
words = st.lists(st.none() | st.sampled_from(["a", "b", "c", ""]), max_size=60)


def numeric(values: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)})


def worded(values: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(values, dtype=pl.String)})


def column(values: object, **options: object) -> ColumnProfile:
    return Profile.of(pl.DataFrame({"x": values}), **options).column("x")


@given(numbers, numbers)
def test_recounted_numbers_add_up_to_the_whole(one: list[float | None], two: list[float | None]):
    bins = Profile.of(numeric(one), edges=8)
    merged = bins.merge(bins.recount(numeric(two), distinct=True))
    whole = bins.recount(numeric(one + two), distinct=True)
    assert merged.rows == whole.rows == len(one) + len(two)
    ours, theirs = merged.column("x"), whole.column("x")
    assert ours.counts.tolist() == theirs.counts.tolist()
    assert ours.nulls == theirs.nulls
    assert ours.distinct == theirs.distinct
    assert ours.mean == pytest.approx(theirs.mean, nan_ok=True, abs=1e-6)
    assert ours.sd == pytest.approx(theirs.sd, nan_ok=True, rel=1e-6, abs=1e-6)


@given(words, words)
def test_recounted_words_add_up_to_the_whole(one: list[str | None], two: list[str | None]):
    bins = Profile.of(worded(one))
    merged = bins.merge(bins.recount(worded(two))).column("x")
    whole = bins.recount(worded(one + two)).column("x")
    assert merged.counts.tolist() == whole.counts.tolist()
    assert merged.nulls == whole.nulls


@given(numbers)
def test_a_bin_holds_what_is_above_its_lower_and_up_to_its_upper_edge(values: list[float | None]):
    profile = column(pl.Series(values, dtype=pl.Float64), edges=5)
    bounds = [-math.inf, *profile.edges.tolist(), math.inf]
    present = [value for value in values if value is not None and not math.isnan(value)]
    expected = [
        sum(low < value <= high for value in present) for low, high in itertools.pairwise(bounds)
    ]
    assert profile.counts.tolist() == expected
    assert profile.rows == len(values)


@given(numbers)
def test_what_is_encoded_decodes_to_the_same(values: list[float | None]):
    data = Profile.of(numeric(values)).encode(of="dataset:x")
    assert Profile.decode(data).encode(of="dataset:x") == data


def test_edges_cut_numbers_into_equal_shares():
    profile = column(np.random.default_rng(1).normal(size=10_000), edges=9)
    assert profile.counts.tolist() == [1000] * 10


def test_few_different_numbers_get_an_edge_each():
    profile = column([1, 1, 2, 3, 3, 3], edges=64)
    assert profile.edges.tolist() == [1.0, 2.0]
    assert profile.counts.tolist() == [2, 1, 3]


def test_the_largest_number_is_never_an_edge():
    values = [1.0] * 50 + [9_999.0]
    assert 9_999.0 not in column(values).edges


def test_times_are_counted_in_microseconds():
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    profile = column([noon + timedelta(seconds=n) for n in range(3)])
    assert profile.kind == "time"
    assert profile.edges.tolist() == [1357041600e6, 1357041601e6]


def test_truth_values_are_categories():
    profile = column([True, True, False, None])
    assert (profile.kind, profile.items) == ("category", ("true", "false"))
    assert (profile.counts.tolist(), profile.nulls) == ([2, 1, 0], 1)


def test_new_values_are_counted_as_others():
    bins = Profile.of(worded(["a", "a", "b"]))
    assert bins.recount(worded(["a", "z", "y", None])).column("x").counts.tolist() == [1, 0, 2]


def test_rare_values_are_not_listed_where_people_are_concerned():
    profile = column(["common"] * 5 + ["ann's street"], least_count=5)
    assert profile.items == ("common",)
    assert profile.counts.tolist() == [5, 1]
    assert b"ann" not in Profile.of(worded(["x"] * 5 + ["ann"]), least_count=5).encode()


def test_bins_hold_several_rows_where_people_are_concerned():
    assert column([float(n) for n in range(10)], least_count=5).edges.size == 2
    assert column([1.0, 2.0, 3.0], least_count=5).edges.size == 0


def test_a_hidden_column_shows_counts_and_nothing_else():
    profile = column(["ann", "bob", None], distinct=True)
    hidden = Profile.of(worded(["ann", "bob", None]), hidden={"x"})
    assert hidden.column("x").kind == "hidden"
    assert (hidden.column("x").count, hidden.column("x").nulls) == (2, 1)
    assert hidden.column("x").distinct == profile.distinct == 2
    assert b"ann" not in hidden.encode()


def test_distinct_values_are_estimated_within_a_few_percent():
    many = [f"value {n % 50_000}" for n in range(60_000)]
    assert column(many).distinct == pytest.approx(50_000, rel=0.08)
    numbers = np.random.default_rng(2).permutation(np.arange(60_000) % 30_000).astype(float)
    assert column(numbers).distinct == pytest.approx(30_000, rel=0.08)


def test_small_numbers_of_distinct_values_are_nearly_exact():
    assert column([float(n % 37) for n in range(1000)]).distinct == pytest.approx(37, abs=1)


def test_distinct_is_unknown_where_it_was_not_counted():
    assert column([1.0, 2.0], distinct=False).distinct is None


def test_quantiles_are_edges():
    profile = column(np.arange(1, 1001), edges=99)
    assert profile.quantile(0.5) == pytest.approx(500, abs=10)
    assert profile.quantile(1.0) == profile.edges[-1]
    assert column(["a"]).quantile(0.5) is None


def test_coarse_bins_keep_the_total():
    profile = column(np.random.default_rng(3).exponential(size=5000), edges=256)
    coarse = profile.coarsened(10)
    assert coarse.counts.sum() == 5000
    assert coarse.counts.size == 10
    assert set(coarse.edges) <= set(profile.edges)


def test_profiles_of_other_bins_do_not_merge():
    with pytest.raises(UsageError, match="different bins"):
        Profile.of(numeric([1.0, 2.0])).merge(Profile.of(numeric([3.0, 4.0])))


def test_a_missing_column_is_named():
    with pytest.raises(NotFound, match="'x'"):
        Profile.of(numeric([1.0])).recount(pl.DataFrame({"y": [1.0]}))


def test_words_do_not_count_in_bins_of_numbers():
    with pytest.raises(UsageError, match="was profiled as numbers"):
        Profile.of(numeric([1.0, 2.0])).recount(worded(["a"]))


def test_lists_have_no_profile():
    with pytest.raises(UsageError, match="has no profile"):
        Profile.of(pl.DataFrame({"x": [[1]]}))


def test_bytes_that_are_no_profile_are_refused():
    with pytest.raises(IntegrityError):
        Profile.decode(b"{}")
    later = Profile.of(numeric([1.0])).encode().replace(b'"format":1', b'"format":9')
    with pytest.raises(IntegrityError, match="format 9"):
        Profile.decode(later)


def test_many_columns_are_counted_on_threads_as_on_one():
    frame = pl.DataFrame(np.random.default_rng(4).normal(size=(20_000, 8)))
    whole = Profile.of(frame)
    single = [Profile.of(frame.select(name)).columns[0] for name in frame.columns]
    assert [one.counts.tolist() for one in whole.columns] == [one.counts.tolist() for one in single]


@given(numbers, numbers, words, words)
def test_rows_can_be_taken_out_again(
    one: list[float | None],
    two: list[float | None],
    some: list[str | None],
    others: list[str | None],
):
    for stay, go in ((numeric(one), numeric(two)), (worded(some), worded(others))):
        bins = Profile.of(pl.concat([stay, go]), edges=8)
        left = bins.without(bins.recount(go))
        expected = bins.recount(stay)
        assert (left.rows, left.removed) == (stay.height, go.height)
        assert left.column("x").counts.tolist() == expected.column("x").counts.tolist()
        assert left.column("x").nulls == expected.column("x").nulls
        assert left.column("x").mean == pytest.approx(
            expected.column("x").mean, rel=1e-6, abs=1e-3, nan_ok=True
        )
        assert left.column("x").spread == pytest.approx(
            expected.column("x").spread, rel=1e-6, abs=1e-2
        )
        assert Profile.decode(left.encode()).removed == go.height


def test_rows_that_were_never_counted_cannot_be_taken_out():
    bins = Profile.of(numeric([1.0, 2.0]))
    with pytest.raises(UsageError, match="that are not in it"):
        bins.without(bins.recount(numeric([2.0, 2.0, 2.0])))
    with pytest.raises(UsageError, match="different bins"):
        bins.without(Profile.of(numeric([7.0, 9.0])))
    with pytest.raises(UsageError, match="different columns"):
        Profile.of(numeric([1.0])).without(Profile.of(pl.DataFrame({"y": [1.0]})))
