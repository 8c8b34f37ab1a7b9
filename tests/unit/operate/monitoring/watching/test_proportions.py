"""Counts against limits and references, beside SciPy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from towpath.operate.monitoring.watching.proportions import (
    above_limit,
    above_reference,
    dispersion_of,
    effective,
)


@pytest.mark.parametrize(("hits", "rows", "limit"), [(0, 50, 0.1), (7, 100, 0.02), (90, 100, 0.5)])
def test_a_limit_is_a_binomial_tail(hits: int, rows: int, limit: float):
    assert above_limit(hits, rows, limit) == pytest.approx(stats.binom.sf(hits - 1, rows, limit))


def test_limits_of_none_and_all():
    assert above_limit(1, 10, 0.0) == 0.0
    assert above_limit(10, 10, 1.0) == 1.0


@pytest.mark.parametrize(("hits", "rows", "known"), [(9, 100, 2), (1, 1000, 0), (40, 9000, 12)])
def test_a_reference_leads_to_a_beta_binomial_tail(hits: int, rows: int, known: int):
    p = above_reference(hits, rows, known_hits=known, known_rows=5000, dispersion=1)
    law = stats.betabinom(rows, known + 0.5, 5000 - known + 0.5)
    exact = law.pmf(np.arange(hits, rows + 1)).sum()
    assert p == pytest.approx(exact, rel=1e-8)


def test_what_is_expected_is_no_evidence_and_wobble_is_forgiven():
    assert above_reference(10, 1000, known_hits=100, known_rows=5000, dispersion=1) == 1.0
    steady = above_reference(40, 1000, known_hits=100, known_rows=5000, dispersion=1)
    wobbly = above_reference(40, 1000, known_hits=100, known_rows=5000, dispersion=8)
    assert steady < wobbly < 1


def test_p_values_of_a_share_that_did_not_change_are_valid():
    rng = np.random.default_rng(3)
    p_values = [
        above_reference(
            rng.binomial(400, 0.03),
            400,
            known_hits=float(rng.binomial(3000, 0.03)),
            known_rows=3000,
            dispersion=1,
        )
        for _ in range(2000)
    ]
    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.array(p_values) <= level) <= level * 1.25 + 0.005


def test_dispersion_tells_chance_from_days_that_differ():
    rng = np.random.default_rng(4)
    rows = np.full(200, 500.0)
    by_chance = rng.binomial(500, 0.1, 200).astype(float)
    by_day = rng.binomial(500, rng.beta(5, 45, 200)).astype(float)
    assert dispersion_of(by_chance, rows) == pytest.approx(1.0, abs=0.25)
    assert dispersion_of(by_day, rows) == pytest.approx(1 + 499 / 51, rel=0.35)


def test_weights_say_as_much_as_fewer_equal_rows():
    assert effective(np.ones(7)) == pytest.approx(7)
    assert effective(np.array([10.0, 0.0])) == pytest.approx(1)
    assert effective(np.zeros(0)) == 0
