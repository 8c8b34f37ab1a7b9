"""The e-process on failures stays quiet under the null and speaks up when the challenger breaks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from towpath.operate.rollouts.failures import Failures

ALPHA = 0.025


def first_crossing(
    rng: np.random.Generator, *, champion: float, challenger: float, weight: float, rows: int
) -> int | None:
    """Return the row at which the evidence first reaches 1/alpha, looking every hundred rows."""
    arm = rng.random(rows) < weight
    failed = rng.random(rows) < np.where(arm, challenger, champion)
    state = Failures()
    for start in range(0, rows, 100):
        state = state.observe(arm[start : start + 100], failed[start : start + 100])
        if state.log_e >= math.log(1 / ALPHA):
            return start + 100
    return None


@pytest.mark.parametrize(("champion", "challenger"), [(0.01, 0.01), (0.2, 0.2), (0.05, 0.02)])
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_equal_or_better_challengers_are_left_alone(
    champion: float, challenger: float, weight: float
):
    rng = np.random.default_rng(11)
    crossed = sum(
        first_crossing(rng, champion=champion, challenger=challenger, weight=weight, rows=3000)
        is not None
        for _ in range(100)
    )
    assert crossed <= 100 * ALPHA + 3 * math.sqrt(100 * ALPHA)


def test_a_broken_challenger_is_caught_within_a_few_hundred_requests():
    rng = np.random.default_rng(12)
    for _ in range(10):
        crossed = first_crossing(rng, champion=0.0, challenger=1.0, weight=0.1, rows=1000)
        assert crossed is not None
        assert crossed <= 300


def test_twice_the_failures_are_found_in_time():
    rng = np.random.default_rng(13)
    found = [
        first_crossing(rng, champion=0.02, challenger=0.06, weight=0.5, rows=5000)
        for _ in range(20)
    ]
    assert sum(one is not None for one in found) >= 18


def test_counts_add_up_and_no_failure_is_no_evidence():
    arm = np.array([True, False] * 500)
    state = Failures().observe(arm, np.zeros(1000, dtype=bool))
    assert (state.champion_rows, state.challenger_rows) == (500, 500)
    assert state.log_e == 0
    assert state.e_value == 1


def test_one_arm_alone_proves_nothing():
    failed = np.random.default_rng(14).random(2000) < 0.5
    assert Failures().observe(np.ones(2000, dtype=bool), failed).log_e == pytest.approx(0)


def test_overwhelming_evidence_does_not_overflow():
    assert math.isfinite(Failures(log_e=1e6).e_value)
