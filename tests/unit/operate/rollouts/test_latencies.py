"""Latencies are counted in buckets that merge, and bound the difference of a quantile."""

from __future__ import annotations

import numpy as np
import pytest

from towpath.operate.rollouts.latencies import Latencies, quantile_difference

ALPHA = 0.05


def counted(micros: np.ndarray) -> Latencies:
    return Latencies.of(micros, np.ones(len(micros)))


def test_merged_counts_are_those_of_all_values():
    micros = np.random.default_rng(1).lognormal(8, 1, 2000)
    merged = counted(micros[:700]).merge(counted(micros[700:]))
    assert merged == counted(micros)
    assert Latencies().merge(merged) == merged


def test_a_quantile_is_within_its_bounds_at_every_look():
    rng, truth, missed = np.random.default_rng(2), 1000 * np.exp(2.3263), 0
    for _ in range(60):
        seen = Latencies()
        for _ in range(20):
            seen = seen.merge(counted(1000 * np.exp(rng.normal(size=300))))
            found = seen.quantile_ms(0.99, ALPHA / 2)
            high = np.inf if found.upper is None else found.upper
            missed += not found.lower <= truth / 1000 <= high
    assert missed <= 60 * ALPHA


@pytest.mark.parametrize(("slower", "found"), [(1.0, False), (1.5, True)])
def test_a_slower_challenger_is_found_and_an_equal_one_is_not(slower: float, *, found: bool):
    rng = np.random.default_rng(3)
    champion, challenger = (counted(scale * rng.lognormal(9, 0.5, 20_000)) for scale in (1, slower))
    harm = quantile_difference(champion, challenger, 0.5, ALPHA, ALPHA)
    assert (harm.lower > 0) is found
    assert harm.lower <= 8.1 * (slower - 1) <= harm.upper


def test_few_answers_bound_a_high_quantile_on_one_side_only():
    seen = counted(np.full(30, 5000.0))
    assert seen.quantile_ms(0.99, ALPHA).upper is None
    assert quantile_difference(seen, seen, 0.99, ALPHA, ALPHA).upper is None
    assert quantile_difference(seen, Latencies(), 0.99, ALPHA, ALPHA) is None


def test_sampled_rows_are_weighed():
    """One in ten of the quick answers was kept, and each slow one."""
    rng = np.random.default_rng(4)
    micros = np.r_[np.full(900, 1000.0), np.full(1000, 50_000.0)]
    weights = np.r_[np.full(900, 10.0), np.full(1000, 1.0)]
    order = rng.permutation(len(micros))
    found = Latencies.of(micros[order], weights[order]).quantile_ms(0.5, ALPHA)
    assert found.estimate == pytest.approx(1.0, rel=0.05)
