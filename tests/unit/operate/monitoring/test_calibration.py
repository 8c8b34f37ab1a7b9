"""Distances agree with the profiles' definitions; tail probabilities are calibrated on quiet windows."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets.profiles import ColumnProfile
from towpath.assets.datasets.profiles.distances import (
    chi_squared,
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability,
    total_variation,
)
from towpath.assets.models.blocks import Calendar
from towpath.assets.models.columns import ColumnReference
from towpath.operate.monitoring.calibration import (
    Statistic,
    distances,
    quiet_distances,
    surprise_of,
    tail_probability,
)
from towpath.operate.monitoring.findings import Window
from towpath.operate.monitoring.seasons import Comparable, comparable

DAY = Window(since=datetime(2013, 3, 4, tzinfo=UTC), until=datetime(2013, 3, 5, tzinfo=UTC))

counts = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any).map(np.array)


def wobbling(rng: np.random.Generator, days: int, rows: int, wobble: float) -> np.ndarray:
    """Counts per day on ten bins of a standard normal whose mean wobbles from day to day."""
    edges = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])
    means = rng.normal(0, wobble, days)
    found = [np.searchsorted(edges, rng.normal(mean, 1, rows)) for mean in means]
    return np.stack([np.append(np.bincount(day, minlength=10), 0) for day in found])


def column(blocks: np.ndarray, calendar: Calendar | None = None) -> ColumnReference:
    """A column of numbers whose bins are its groups."""
    profile = ColumnProfile(
        name="x",
        type="Float64",
        kind="number",
        nulls=0,
        edges=np.arange(blocks.shape[1] - 2, dtype=np.float64),
        items=(),
        counts=blocks.sum(axis=0)[:-1],
        spread=float(blocks.sum()),
    )
    return ColumnReference(profile=profile, blocks=blocks, calendar=calendar or Calendar())


def slices(blocks: np.ndarray) -> Comparable:
    return comparable(Calendar(), len(blocks), DAY, "none")


@given(counts, counts)
def test_distances_are_those_of_the_profiles(reference: np.ndarray, current: np.ndarray):
    expected = {
        "ks": kolmogorov_smirnov,
        "tv": total_variation,
        "psi": population_stability,
        "js": jensen_shannon,
    }
    for statistic, distance in expected.items():
        assert distances(statistic, reference, current) == pytest.approx(
            distance(reference, current), abs=1e-7
        )
    chi2, _ = chi_squared(reference * 7, current * 7)
    both = current.sum() * reference.sum() / (current.sum() + reference.sum())
    if current.sum() == reference.sum():
        assert distances("chi2", reference, current) == pytest.approx(chi2 / 7 / both / 2, rel=1e-6)


def test_wasserstein_is_in_the_units_of_the_widths():
    one, two = np.array([0, 9, 0, 0, 3]), np.array([0, 0, 4, 0, 0])
    assert distances("wasserstein", one, two, np.array([2.0, 2.0])) == pytest.approx(2.0)


def test_many_windows_at_once_are_each_their_own():
    blocks = np.array([[1, 9], [5, 5], [0, 0]])
    assert distances("tv", np.array([1, 1]), blocks).tolist() == pytest.approx([0.4, 0.0, 0.0])
    assert distances("psi", np.array([1, 1]), blocks)[2] == 0


def quiet(blocks: np.ndarray, rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return quiet_distances(column(blocks), slices(blocks), statistic="ks", rows=rows, rng=rng)


def test_a_window_is_left_out_of_what_it_is_compared_with():
    blocks = np.array([[100, 0, 0], [0, 100, 0], [0, 100, 0]])
    assert quiet(blocks, rows=100).tolist() == pytest.approx([1.0, 0.5, 0.5])


def test_windows_of_a_few_rows_are_no_evidence_of_how_days_wobble():
    blocks = np.array([[100, 0, 0], [0, 10, 0], [0, 100, 0]])
    assert len(quiet(blocks, rows=100)) == 2


def test_too_few_windows_say_nothing():
    assert math.isnan(tail_probability(0.1, np.array([0.1] * 5), rows=100, independent=5 / 3))
    assert math.isnan(tail_probability(0.1, np.array([0.1] * 2), rows=100, independent=9))


def test_small_windows_are_compared_with_thinned_days():
    blocks = wobbling(np.random.default_rng(2), 40, 5000, 0.02)
    assert quiet(blocks, rows=100).mean() > 3 * quiet(blocks, rows=5000).mean()


def p_of_a_live_day(
    rng: np.random.Generator, *, rows: int = 400, shift: float = 0.0, statistic: Statistic = "ks"
) -> float:
    blocks = wobbling(rng, 56, 400, 0.1)
    edges = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])
    live = np.searchsorted(edges, rng.normal(rng.normal(0, 0.1) + shift, 1, rows))
    current = np.append(np.bincount(live, minlength=10), 0)
    return surprise_of(
        column(blocks), current, slices(blocks), statistic=statistic, rows=rows, rng=rng
    ).p


@pytest.mark.parametrize("statistic", ["ks", "psi", "js", "wasserstein", "tv", "chi2"])
def test_quiet_days_that_wobble_are_not_surprising_by_any_statistic(statistic: Statistic):
    rng = np.random.default_rng(3)
    values = np.array([p_of_a_live_day(rng, statistic=statistic) for _ in range(300)])
    assert (values < 0.05).mean() <= 0.08
    assert (values < 0.005).mean() <= 0.02


def test_small_windows_are_not_surprising_either():
    rng = np.random.default_rng(3)
    values = np.array([p_of_a_live_day(rng, rows=60) for _ in range(300)])
    assert (values < 0.05).mean() <= 0.08


@pytest.mark.parametrize("statistic", ["ks", "psi", "js", "wasserstein", "tv", "chi2"])
def test_a_shift_beyond_the_wobble_is(statistic: Statistic):
    rng = np.random.default_rng(4)
    values = np.array([p_of_a_live_day(rng, shift=0.8, statistic=statistic) for _ in range(20)])
    assert (values < 0.01).all()


def test_a_constant_column_is_silent_until_it_moves():
    quiet = np.zeros(50)
    assert tail_probability(0.0, quiet, rows=100, independent=50) == pytest.approx(0.5)
    assert tail_probability(0.5, quiet, rows=100, independent=50) < 1e-6
