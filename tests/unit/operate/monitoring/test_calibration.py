"""Distances agree with the profiles' definitions; tail probabilities are calibrated on quiet windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets.profiles.distances import kolmogorov_smirnov, total_variation
from towpath.assets.models.reference import ColumnReference
from towpath.operate.monitoring.calibration import distances, quiet_distances, tail_probability

counts = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any).map(np.array)


def wobbling(rng: np.random.Generator, days: int, rows: int, wobble: float) -> np.ndarray:
    """Counts per day on ten bins of a standard normal whose mean wobbles from day to day."""
    edges = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])
    means = rng.normal(0, wobble, days)
    found = [np.searchsorted(edges, rng.normal(mean, 1, rows)) for mean in means]
    return np.stack([np.append(np.bincount(day, minlength=10), 0) for day in found])


def column(blocks: np.ndarray) -> ColumnReference:
    edges = tuple(float(edge) for edge in range(blocks.shape[1] - 2))
    return ColumnReference(
        name="x", kind="number", edges=edges, blocks=tuple(map(tuple, blocks.tolist()))
    )


@given(counts, counts)
def test_distances_are_those_of_the_profiles(reference: np.ndarray, current: np.ndarray):
    assert distances("ks", reference, current) == pytest.approx(
        kolmogorov_smirnov(reference, current)
    )
    assert distances("tv", reference, current) == pytest.approx(total_variation(reference, current))


def test_many_windows_at_once_are_each_their_own():
    blocks = np.array([[1, 9], [5, 5], [0, 0]])
    assert distances("tv", np.array([1, 1]), blocks).tolist() == pytest.approx([0.4, 0.0, 0.0])


def test_a_window_is_left_out_of_what_it_is_compared_with():
    blocks = np.array([[10, 0, 0], [0, 10, 0], [0, 10, 0]])
    quiet = quiet_distances(column(blocks), days=1, rows=10, rng=np.random.default_rng(0))
    assert quiet.tolist() == pytest.approx([1.0, 0.5, 0.5])


def test_windows_of_several_days_overlap():
    blocks = wobbling(np.random.default_rng(1), 20, 100, 0.1)
    quiet = quiet_distances(column(blocks), days=7, rows=700, rng=np.random.default_rng(0))
    assert len(quiet) == 14


def test_too_short_a_reference_says_nothing():
    blocks = wobbling(np.random.default_rng(1), 5, 100, 0.1)
    quiet = quiet_distances(column(blocks), days=3, rows=100, rng=np.random.default_rng(0))
    assert len(quiet) == 0
    assert math.isnan(tail_probability(0.1, quiet, rows=100, independent=5 / 3))


def test_small_windows_are_compared_with_thinned_days():
    blocks = wobbling(np.random.default_rng(2), 40, 5000, 0.02)
    full, thin = (
        quiet_distances(column(blocks), days=1, rows=rows, rng=np.random.default_rng(0)).mean()
        for rows in (5000, 100)
    )
    assert thin > 3 * full


def p_of_a_live_day(rng: np.random.Generator, *, rows: int = 400, shift: float = 0.0) -> float:
    blocks = wobbling(rng, 56, 400, 0.1)
    edges = np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])
    live = np.searchsorted(edges, rng.normal(rng.normal(0, 0.1) + shift, 1, rows))
    current = np.append(np.bincount(live, minlength=10), 0)
    quiet = quiet_distances(column(blocks), days=1, rows=rows, rng=rng)
    value = float(distances("ks", blocks.sum(axis=0), current))
    return tail_probability(value, quiet, rows=rows, independent=56)


@pytest.mark.parametrize("rows", [60, 400])
def test_quiet_days_that_wobble_are_not_surprising(rows: int):
    rng = np.random.default_rng(3)
    values = np.array([p_of_a_live_day(rng, rows=rows) for _ in range(300)])
    assert (values < 0.05).mean() <= 0.08
    assert (values < 0.005).mean() <= 0.02


def test_a_shift_beyond_the_wobble_is():
    rng = np.random.default_rng(4)
    values = np.array([p_of_a_live_day(rng, shift=0.8) for _ in range(20)])
    assert (values < 0.01).all()


def test_a_constant_column_is_silent_until_it_moves():
    quiet = np.zeros(50)
    assert tail_probability(0.0, quiet, rows=100, independent=50) == pytest.approx(0.5)
    assert tail_probability(0.5, quiet, rows=100, independent=50) < 1e-6
