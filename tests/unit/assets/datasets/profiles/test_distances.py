"""Distances, against their definitions worked out another way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from towpath.assets.datasets.profiles import Profile, compare
from towpath.assets.datasets.profiles.distances import (
    chi_squared,
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability,
    total_variation,
    wasserstein,
)
from towpath.core.errors import UsageError

pairs = st.integers(2, 12).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 1000), min_size=bins, max_size=bins)] * 2)
)


def counts(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@given(pairs)
def test_every_distance_is_symmetric_in_scale_and_zero_to_itself(pair: tuple[list[int], list[int]]):
    one, two = counts(*pair[0]), counts(*pair[1])
    for distance in (kolmogorov_smirnov, jensen_shannon, total_variation):
        if one.any() and two.any():
            assert distance(one, two) == pytest.approx(distance(two, one))
            assert 0 <= distance(one, two) <= 1 + 1e-12
            assert distance(one, one * 3) == pytest.approx(0, abs=1e-7)
        else:
            assert math.isnan(distance(one, two))


def test_jensen_shannon_is_one_for_disjoint_and_the_textbook_value_between():
    assert jensen_shannon(counts(5, 0), counts(0, 7)) == pytest.approx(1)
    middle = np.array([0.75, 0.25])
    entropy = stats.entropy([1, 0], middle, base=2) + stats.entropy([0.5, 0.5], middle, base=2)
    assert jensen_shannon(counts(4, 0), counts(2, 2)) == pytest.approx(math.sqrt(entropy / 2))


def test_population_stability_is_the_textbook_sum():
    p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    expected = float(((q - p) * np.log(q / p)).sum())
    big = population_stability(counts(500_000, 500_000), counts(250_000, 750_000))
    assert big == pytest.approx(expected, rel=1e-4)
    assert math.isfinite(population_stability(counts(10, 0), counts(0, 10)))
    assert math.isnan(population_stability(counts(0, 0), counts(1, 1)))


def test_chi_squared_is_pearsons():
    one, two = counts(30, 20, 0, 50), counts(10, 40, 0, 60)
    expected = stats.chi2_contingency(np.stack([one, two])[:, [0, 1, 3]], correction=False)
    statistic, freedom = chi_squared(one, two)
    assert statistic == pytest.approx(expected.statistic)
    assert freedom == expected.dof
    assert math.isnan(chi_squared(one, counts(0, 0, 0, 0))[0])


def test_binned_distances_come_close_to_those_of_the_rows():
    rng = np.random.default_rng(5)
    before, after = rng.normal(size=20_000), rng.normal(0.2, 1.1, size=20_000)
    bins = Profile.of(pl.DataFrame({"x": before}), edges=1024, distinct=False)
    result = compare(bins.column("x"), bins.recount(pl.DataFrame({"x": after})).column("x"))
    assert result.ks == pytest.approx(stats.ks_2samp(before, after).statistic, abs=1e-3)
    exact = stats.wasserstein_distance(before, after) / before.std(ddof=1)
    assert result.wasserstein_sd == pytest.approx(exact, rel=0.02)
    assert result.psi > 0.03
    assert math.isnan(result.chi2)


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_wasserstein_moves_with_a_shift_and_stretches_with_the_unit(shift: float, unit: float):
    rows = np.linspace(-1, 1, 2001) * unit
    bins = Profile.of(pl.DataFrame({"x": rows}), edges=64, distinct=False)
    for values in (rows + shift * unit / 4, rows - shift * unit / 4):
        moved = bins.recount(pl.DataFrame({"x": values}))
        found = wasserstein(bins.column("x"), moved.column("x"))
        assert found == pytest.approx(abs(shift) * unit / 4, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(lambda rng: np.round(rng.normal(size=20_000), 1), id="in clusters"),
        pytest.param(lambda rng: rng.standard_t(5, size=20_000), id="with long tails"),
        pytest.param(lambda rng: rng.choice([0.0, 5.0, 7.0], size=20_000), id="of three values"),
    ],
)
def test_wasserstein_is_exact_where_all_values_move_alike(values: Any):
    rows = values(np.random.default_rng(3))
    moved = rows + 0.03  # inside bins, where only sums can tell
    bins = Profile.of(pl.DataFrame({"x": rows}), edges=1024, distinct=False)
    found = wasserstein(bins.column("x"), bins.recount(pl.DataFrame({"x": moved})).column("x"))
    assert found == pytest.approx(0.03, rel=1e-6)


def test_merged_windows_are_as_far_as_their_rows_together():
    rng = np.random.default_rng(4)
    rows, now = rng.gamma(2.0, size=5000), rng.gamma(2.2, size=5000)
    bins = Profile.of(pl.DataFrame({"x": rows}), edges=256, distinct=False)
    parts = [bins.recount(pl.DataFrame({"x": part})) for part in np.split(now, [100, 2000])]
    whole = bins.recount(pl.DataFrame({"x": now})).column("x")
    merged = parts[2].merge(parts[0]).merge(parts[1]).column("x")
    reference = bins.column("x")
    assert merged.counts.tolist() == whole.counts.tolist()
    assert wasserstein(reference, merged) == pytest.approx(wasserstein(reference, whole))
    assert merged.without(parts[1].column("x")).sums == pytest.approx(
        parts[0].column("x").sums + parts[2].column("x").sums
    )


def test_one_far_value_counts_as_if_it_stopped_soon():
    rows = np.linspace(0, 1, 1000)
    bins = Profile.of(pl.DataFrame({"x": rows}), edges=64, distinct=False)
    far = bins.recount(pl.DataFrame({"x": np.append(rows, 1e100)})).column("x")
    assert wasserstein(bins.column("x"), far) < 0.01


def test_categories_are_compared_by_item():
    bins = Profile.of(pl.DataFrame({"x": ["a"] * 50 + ["b"] * 50}))
    same = compare(bins.column("x"), bins.column("x"))
    moved = bins.recount(pl.DataFrame({"x": ["a"] * 20 + ["c"] * 60 + [None] * 20}))
    result = compare(bins.column("x"), moved.column("x"))
    assert (same.js, same.psi, same.nulls) == (0, 0, 0)
    assert result.nulls == pytest.approx(0.2)
    assert result.js > 0.5
    assert result.chi2 > 0
    assert math.isnan(result.ks)


def test_profiles_of_other_bins_are_not_compared():
    one, two = (Profile.of(pl.DataFrame({"x": [n, n + 1.0]})).column("x") for n in (0.0, 5.0))
    with pytest.raises(UsageError, match="different bins"):
        compare(one, two)
