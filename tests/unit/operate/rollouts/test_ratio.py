"""The sample-ratio check lets fair splits pass and stops unfair ones."""

from __future__ import annotations

import numpy as np
import pytest

from towpath.operate.rollouts.ratio import sample_ratio_e_value


def ever_above(true: float, weight: float, *, seed: int, bar: float = 1000) -> bool:
    joined = np.cumsum(np.random.default_rng(seed).random(10_000) < true)
    return any(
        sample_ratio_e_value(int(n - joined[n - 1]), int(joined[n - 1]), weight) > bar
        for n in range(200, 10_001, 200)
    )


@pytest.mark.parametrize("weight", [0.05, 0.2, 0.5])
def test_fair_splits_pass_at_every_look(weight: float):
    assert sum(ever_above(weight, weight, seed=seed) for seed in range(60)) == 0


@pytest.mark.parametrize(("true", "weight"), [(0.14, 0.1), (0.45, 0.5), (0.0, 0.1)])
def test_unfair_splits_are_caught(true: float, weight: float):
    assert all(ever_above(true, weight, seed=seed) for seed in range(10))


def test_nobody_yet_is_no_evidence():
    assert sample_ratio_e_value(0, 0, 0.1) == pytest.approx(1)
