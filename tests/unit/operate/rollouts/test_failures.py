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
    state = Failures.start()
    for start in range(0, rows, 100):
        state = state.observe(arm[start : start + 100], failed[start : start + 100])
        if state.interval(ALPHA, ALPHA).lower > 0:
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
    state = Failures.start().observe(arm, np.zeros(1000, dtype=bool))
    assert (state.champion_rows, state.challenger_rows) == (500, 500)
    assert state.e_value == 1
    assert state.interval(ALPHA, ALPHA).lower < 0 < state.interval(ALPHA, ALPHA).upper


def test_one_arm_alone_proves_nothing():
    failed = np.random.default_rng(14).random(2000) < 0.5
    state = Failures.start().observe(np.ones(2000, dtype=bool), failed)
    assert state.interval(ALPHA, ALPHA) is None
    assert state.e_value == pytest.approx(1)


def test_overwhelming_evidence_does_not_overflow():
    state = Failures.start().observe(np.arange(20_000) % 2 == 1, (np.arange(20_000) % 2 == 1))
    assert math.isfinite(state.e_value)
    assert state.interval(ALPHA, ALPHA).lower > 0.9


@pytest.mark.parametrize(("champion", "challenger"), [(0.01, 0.01), (0.02, 0.03), (0.3, 0.25)])
def test_the_difference_is_covered_at_every_look(champion: float, challenger: float):
    rng = np.random.default_rng(15)
    truth, missed = challenger - champion, 0
    for _ in range(60):
        arm = rng.random(4000) < 0.5
        failed = rng.random(4000) < np.where(arm, challenger, champion)
        state = Failures.start([0.015])
        for start in range(0, 4000, 200):
            state = state.observe(arm[start : start + 200], failed[start : start + 200])
            found = state.interval(ALPHA, ALPHA)
            if not found.lower <= truth <= found.upper:
                missed += 1
                break
    assert missed <= 60 * 2 * ALPHA + 3 * math.sqrt(60 * 2 * ALPHA)


def test_equal_rates_are_proved_to_differ_by_less_than_a_margin():
    rng = np.random.default_rng(16)
    arm = rng.random(20_000) < 0.5
    state = Failures.start([0.012]).observe(arm, rng.random(20_000) < 0.01)
    found = state.interval(ALPHA, 0.05)
    assert found.upper < 0.012
    assert found.lower < 0


def test_blocks_grow_with_the_traffic_so_that_a_day_is_quick():
    """A hundred times the answers take a few times the bets."""
    arm = np.arange(1_000_000) % 2 == 1
    state, bets = Failures.start(), 0
    before = Failures.bet

    class Counted(Failures):
        def bet(self, rows: tuple[int, int], failed: tuple[int, int]) -> Failures:
            nonlocal bets
            bets += 1
            return Counted(
                **{
                    name: getattr(before(self, rows, failed), name)
                    for name in self.__struct_fields__
                }
            )

    state = Counted.start().observe(arm, np.zeros(1_000_000, dtype=bool))
    assert state.champion_rows + state.challenger_rows == 1_000_000
    assert bets < 700
