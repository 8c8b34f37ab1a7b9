"""What goes together, what is repeated, what lies far out: against scipy, and added up in pieces."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from towpath.assets.datasets.profiles import Profile, missing_together, strengths
from towpath.assets.datasets.profiles.associations import CATEGORY_PLACES_MOST, NUMBERS_MOST
from towpath.assets.datasets.profiles.counting import outlier_fences
from towpath.assets.datasets.profiles.drawing import DRAWN_ROWS, Draw, lots

ROWS = 4_000
# A profile that was stored must be able to take in rows, and let go of rows, for ever after.
GOLDEN = [3175967348407064923, 9700722377198707041]


def table(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Two numbers that go together, one that does not, and two categories, with gaps."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    return pl.DataFrame(
        {
            "id": [f"{seed}-{place}" for place in range(rows)],
            "x": x,
            "y": np.exp(0.8 * x + 0.6 * rng.normal(size=rows)),
            "noise": rng.integers(0, 100, rows),
            "side": np.where(x + rng.normal(size=rows) > 0, "high", "low"),
            "colour": rng.choice(["red", "green", "blue"], rows),
        }
    ).with_columns(
        pl.when(pl.Series(rng.random(rows) < 0.1)).then(None).otherwise(pl.col("y")).alias("y")
    )


def profile(rows: pl.DataFrame, **options: object) -> Profile:
    return Profile.of(rows, keys=["id"], told_apart_by=["id"], **options)


def found(one: Profile) -> dict[frozenset[str], tuple[float, float | None]]:
    return {
        frozenset((pair.one, pair.two)): (pair.value, pair.linear)
        for pair in strengths(one.drawn.associations)
    }


# -- against scipy -----------------------------------------------------------------------------------


def test_correlations_are_those_of_rows_that_have_both():
    rows = table()
    both = rows.drop_nulls()
    value, linear = found(profile(rows))[frozenset("xy")]
    assert linear == pytest.approx(stats.pearsonr(both["x"], both["y"]).statistic, abs=1e-9)
    assert value == pytest.approx(stats.spearmanr(both["x"], both["y"]).statistic, abs=0.01)
    value, linear = found(profile(rows))[frozenset(("x", "noise"))]
    assert abs(value) < 0.05
    assert abs(linear) < 0.05


def test_a_monotone_relation_is_a_rank_correlation_of_one():
    rows = table().with_columns(pl.col("x").exp().alias("y"), (-(pl.col("x") ** 3)).alias("noise"))
    pairs = found(profile(rows))
    assert pairs[frozenset("xy")][0] == pytest.approx(1.0)
    assert pairs[frozenset(("x", "noise"))][0] == pytest.approx(-1.0, abs=0.01)


def test_the_correlation_ratio_is_that_of_an_analysis_of_variance():
    rows = table()
    ranks = stats.rankdata(rows["x"])
    groups = [ranks[(rows["side"] == side).to_numpy()] for side in ("high", "low")]
    between = sum(len(group) * (group.mean() - ranks.mean()) ** 2 for group in groups)
    eta = math.sqrt(between / ((ranks - ranks.mean()) ** 2).sum())
    assert found(profile(rows))[frozenset(("x", "side"))][0] == pytest.approx(eta, abs=0.01)


def test_cramers_v_is_corrected_for_bias():
    rows = table()
    pairs = found(profile(rows))
    crossed = rows.pivot("colour", index="side", values="x", aggregate_function="len")
    plain = stats.contingency.association(crossed.drop("side").to_numpy(), method="cramer")
    # Independent columns have a V above 0 by chance alone, which the correction takes off.
    assert pairs[frozenset(("side", "colour"))][0] <= plain
    same = rows.with_columns(pl.col("side").alias("colour"))
    assert found(profile(same))[frozenset(("side", "colour"))][0] == pytest.approx(1.0, abs=1e-3)


def test_gaps_that_coincide_are_told():
    gap = pl.Series(np.random.default_rng(1).random(ROWS) < 0.2)
    rows = table().with_columns(
        pl.when(gap).then(None).otherwise(pl.col(name)).alias(name) for name in ("x", "side")
    )
    pairs = {
        frozenset((one.one, one.two)): one.value
        for one in missing_together(profile(rows).drawn.associations)
    }
    assert pairs[frozenset(("x", "side"))] == pytest.approx(1.0)
    assert abs(pairs[frozenset(("x", "y"))]) < 0.1
    # A column without gaps has none to coincide.
    assert not any("noise" in pair for pair in pairs)


# -- in pieces ---------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, ROWS), st.integers(0, 3))
def test_pieces_add_up_and_come_off_again(cut: int, seed: int):
    rows = table(1_000, seed)
    bins = profile(rows)
    first, second = (bins.recount(part, distinct=True) for part in (rows[:cut], rows[cut:]))
    whole = first.merge(second)
    assert_same(whole, bins)
    assert_same(whole.without(second), first)


def assert_same(one: Profile, two: Profile) -> None:
    a, b = one.drawn, two.drawn
    assert a.associations.rows == b.associations.rows
    assert np.allclose(a.associations.products, b.associations.products, atol=1e-6)
    assert np.allclose(a.associations.squares, b.associations.squares, atol=1e-6)
    assert dict(zip(a.repeats.hashes, a.repeats.counts, strict=True)) == dict(
        zip(b.repeats.hashes, b.repeats.counts, strict=True)
    )
    for column in one.columns:
        assert column.beyond == two.column(column.name).beyond


def test_what_was_drawn_survives_the_blob():
    before = profile(table())
    after = Profile.decode(before.encode())
    assert_same(before, after)
    assert after.encode() == before.encode()
    assert found(after) == found(before)


def test_a_profile_of_before_there_were_draws_is_read_and_grows_without_one():
    rows = table()
    old = Profile.decode(Profile.of(rows, keys=["id"]).encode())
    assert old.drawn is None
    assert old.merge(old.recount(rows)).drawn is None


def test_no_more_rows_are_looked_at_than_a_draw_holds():
    rows = pl.concat([table(20_000, seed) for seed in range(4)])
    one = profile(rows)
    assert one.drawn.draw.bound < 1 << 32
    assert one.drawn.associations.rows == pytest.approx(DRAWN_ROWS, rel=0.05)
    assert one.drawn.associations.rows == one.drawn.draw.rows(rows).height
    sample = profile(rows[::8], drawn_from=rows.height)
    assert sample.drawn.associations.rows == pytest.approx(DRAWN_ROWS / 8, rel=0.1)


def test_drawn_correlations_are_those_of_all_rows():
    rows = pl.concat([table(20_000, seed) for seed in range(4)])
    both = rows.drop_nulls()
    expected = stats.spearmanr(both["x"], both["y"]).statistic
    assert found(profile(rows))[frozenset("xy")][0] == pytest.approx(expected, abs=0.02)


def test_wide_tables_are_cut_to_a_bounded_number_of_sums():
    rng = np.random.default_rng(0)
    rows = pl.DataFrame(
        {
            "id": list(range(200)),
            **{f"n{place}": rng.normal(size=200) for place in range(60)},
            **{f"c{place}": rng.choice(["a", "b", "c"], 200) for place in range(60)},
        }
    )
    sums = profile(rows).drawn.associations
    assert len(sums.numbers) == NUMBERS_MOST
    assert sum(one.places for one in sums.categories) <= CATEGORY_PLACES_MOST


# -- repeats and lots --------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [1, 2, 10])
def test_the_share_of_repeated_rows(copies: int):
    rows = pl.concat([table(10_000)] * copies).with_columns(
        pl.int_range(pl.len()).cast(pl.String).alias("id")
    )
    assert profile(rows).drawn.repeats.share == pytest.approx(1 - 1 / copies, abs=0.02)


def test_rows_that_differ_in_one_column_are_no_repeats():
    rows = pl.DataFrame({"id": [1, 2, 3, 4], "x": [1, 1, 2, 2], "y": ["a", "a", "a", None]})
    assert profile(rows).drawn.repeats.share == pytest.approx(1 / 4)


def test_lots_are_the_same_for_ever():
    rows = pl.DataFrame(
        {"i": [1, None], "f": [0.5, -0.0], "t": ["ann", ""], "b": [True, None]},
        schema={"i": pl.Int64, "f": pl.Float64, "t": pl.String, "b": pl.Boolean},
    )
    assert lots(rows, rows.columns).tolist() == GOLDEN
    zero = rows.with_columns(pl.Series("f", [0.5, 0.0]))
    assert lots(zero, rows.columns).tolist() == GOLDEN


@given(st.lists(st.text(max_size=4) | st.none(), max_size=30))
def test_equal_values_have_equal_lots_and_others_hardly_ever(values: list[str | None]):
    rows = pl.DataFrame({"x": pl.Series(values, dtype=pl.String)})
    found = dict(zip(values, lots(rows, ["x"]).tolist(), strict=True))
    assert len(set(found.values())) == len(found)
    assert lots(rows, ["x"]).tolist() == [found[value] for value in values]


def test_whether_a_row_is_drawn_does_not_hang_on_others():
    rows = table(5_000)
    draw = Draw(columns=("x",), bound=1 << 30)
    drawn = set(draw.rows(rows)["id"])
    assert 1_000 < len(drawn) < 1_500
    for part in rows.iter_slices(700):
        assert set(draw.rows(part)["id"]) == drawn & set(part["id"])


# -- outliers ----------------------------------------------------------------------------------------


def test_a_few_far_values_are_outliers_and_a_long_tail_is_not():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=10_000)
    with_far = np.concatenate([normal, [50.0, 60.0, -70.0]])
    column = profile(pl.DataFrame({"id": range(with_far.size), "x": with_far})).column("x")
    assert column.outliers == 3
    assert column.beyond == (1, 2)
    tailed = profile(pl.DataFrame({"id": range(10_000), "x": rng.exponential(size=10_000)}))
    assert tailed.column("x").outliers < 50


def test_a_fifth_of_the_values_may_be_anything():
    spoiled = np.sort(np.concatenate([np.arange(800) / 100, np.full(200, 1e9)]))
    low, high = outlier_fences(spoiled)
    assert -100 < low < 0
    assert 8 < high < 100


def test_values_that_hardly_vary_have_no_outliers():
    assert outlier_fences(np.full(1_000, 3.0)) is None
    assert outlier_fences(np.arange(5.0)) is None
    mostly_zero = np.sort(np.concatenate([np.zeros(600), np.arange(400.0)]))
    low, high = outlier_fences(mostly_zero)
    assert low < 0 < high


def test_extremes_are_not_in_the_profile():
    rows = pl.DataFrame({"id": range(1_001), "x": [*range(1_000), 987_654_321]})
    assert b"987654321" not in profile(rows).encode()
