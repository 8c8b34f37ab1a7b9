"""Bounds on one proportion and one quantile hold at every look, and are what a search finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import betaln

from towpath.operate.rollouts.proportions import is_below_quantile, proportion_bounds

ALPHA = 0.05


@pytest.mark.parametrize(("hits", "rows"), [(0, 40), (3, 40), (40, 40), (500, 10_000)])
def test_bounds_are_where_the_mixture_is_just_ahead(hits: int, rows: int):
    low, high = proportion_bounds(hits, rows, ALPHA, ALPHA)
    candidates = np.linspace(1e-6, 1 - 1e-6, 200_001)
    ahead = (
        betaln(0.5 + hits, 0.5 + rows - hits)
        - betaln(0.5, 0.5)
        - hits * np.log(candidates)
        - (rows - hits) * np.log1p(-candidates)
    )
    left = candidates[ahead < math.log(1 / ALPHA)]
    assert low == pytest.approx(left[0], abs=1e-4)
    assert high == pytest.approx(left[-1], abs=1e-4)


@pytest.mark.parametrize("rate", [0.01, 0.4])
def test_every_look_covers(rate: float):
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(100):
        hits = np.cumsum(rng.random(3000) < rate)
        bounds = [
            proportion_bounds(hits[n - 1], n, ALPHA / 2, ALPHA / 2) for n in range(50, 3001, 150)
        ]
        missed += any(not low <= rate <= high for low, high in bounds)
    assert missed <= 100 * ALPHA


def test_nothing_seen_bounds_nothing():
    assert proportion_bounds(0, 0, ALPHA, ALPHA) == (0.0, 1.0)


@pytest.mark.parametrize("quantile", [0.5, 0.99])
def test_a_quantile_is_told_from_what_is_below_and_above_it(quantile: float):
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(100):
        at_truth = np.cumsum(rng.random(20_000) < quantile)[np.arange(200, 20_001, 300) - 1]
        sizes = np.arange(200, 20_001, 300)
        tests = [
            is_below_quantile(np.array([float(count)]), float(n), quantile, ALPHA)
            for count, n in zip(at_truth, sizes, strict=True)
        ]
        wrong += any(below[0] or above[0] for below, above in tests)
    assert wrong <= 100 * ALPHA
    below, above = is_below_quantile(np.array([800.0, 990.0, 1000.0]), 1000.0, 0.9, ALPHA)
    assert below.tolist() == [True, False, False]
    assert above.tolist() == [False, True, True]
