"""A bet on a table never pays more than its stake in expectation, whichever member of the null is true."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from towpath.operate.rollouts.contingency import closest, log_payoff

RATES = [0.002, 0.05, 0.5, 0.9]
DIFFERENCES = [-0.3, -0.01, 0.0, 0.001, 0.05, 0.4]


def divergence(rows: tuple[int, int], guess: tuple[float, float], rate: float, gap: float) -> float:
    other = rate - gap
    return sum(
        n * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
        for n, p, q in zip(rows, guess, (other, rate), strict=True)
    )


@pytest.mark.parametrize("rows", [(45, 5), (3, 400)])
def test_the_closest_member_is_found_in_closed_form(rows: tuple[int, int]):
    for p0, p1, gap in itertools.product(RATES, RATES, DIFFERENCES):
        if p1 - p0 <= gap:
            continue
        _, found = closest(
            tuple(np.float64(n) for n in rows), (np.float64(p0), np.float64(p1)), np.float64(gap)
        )
        bounds = (max(gap, 0.0) + 1e-12, min(1 + gap, 1.0) - 1e-12)
        best = minimize_scalar(
            lambda rate, p0=p0, p1=p1, gap=gap: divergence(rows, (p0, p1), rate, gap),
            bounds=bounds,
            method="bounded",
            options={"xatol": 1e-12},
        )
        assert divergence(rows, (p0, p1), float(found), gap) <= best.fun + 1e-9


@pytest.mark.parametrize("rows", [(9, 1), (5, 5), (2, 12), (7, 0), (0, 7)])
@pytest.mark.parametrize("gap", DIFFERENCES)
def test_no_member_of_the_null_pays_more_than_the_stake(rows: tuple[int, int], gap: float):
    """Exact: the expectation is summed over every table, for a mesh of the whole null."""
    tables = [np.arange(n + 1, dtype=float) for n in rows]
    failed = (tables[0][:, None], tables[1][None, :])
    sizes = tuple(np.float64(n) for n in rows)
    mesh = np.linspace(0, 1, 41)
    chance = [binom.pmf(tables[arm], rows[arm], mesh[:, None]) for arm in (0, 1)]
    is_null = mesh[None, :] - mesh[:, None] <= gap
    for p0, p1 in itertools.product(RATES, RATES):
        guess = (np.float64(p0), np.float64(p1))
        pays = np.exp(log_payoff(sizes, failed, guess, np.float64(gap)))
        expected = chance[0] @ pays @ chance[1].T
        assert expected[is_null].max() <= 1 + 1e-6


def test_a_guess_within_the_null_bets_nothing():
    one = np.float64(10)
    guess = (np.float64(0.2), np.float64(0.21))
    assert log_payoff((one, one), (one, one), guess, np.float64(0.02)) == 0
