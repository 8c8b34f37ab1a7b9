"""A window's loss is surprising when it is above what test days wobble to, and only then."""

from __future__ import annotations

import math

import numpy as np
import pytest

from towpath.assets.models.reference import LossReference
from towpath.operate.monitoring.performance import surprise


def promised(rng: np.random.Generator, *, days: int = 14, rows: int = 500) -> LossReference:
    """Test days whose true loss wobbles by 0.02 around 0.5, each row's noise being 0.5."""
    means = 0.5 + rng.normal(0, 0.02, days) + rng.normal(0, 0.5, days) / math.sqrt(rows)
    return LossReference(
        name="log_loss", rows=(rows,) * days, means=tuple(means.tolist()), variances=(0.25,) * days
    )


def live(rng: np.random.Generator, rows: int, worse: float = 0.0) -> float:
    return 0.5 + worse + rng.normal(0, 0.02) + rng.normal(0, 0.5) / math.sqrt(rows)


@pytest.mark.parametrize("rows", [100, 500, 5000])
def test_as_good_as_promised_is_no_surprise(rows: int):
    rng = np.random.default_rng(8)
    values = np.array(
        [surprise(promised(rng), live(rng, rows), rows=rows, tolerance=0.0) for _ in range(500)]
    )
    assert (values < 0.05).mean() <= 0.08
    assert (values < 0.005).mean() <= 0.02


def test_clearly_worse_is_a_surprise_unless_tolerated():
    rng = np.random.default_rng(9)
    reference = promised(rng)
    assert surprise(reference, 0.7, rows=500, tolerance=0.0) < 1e-3
    assert surprise(reference, 0.7, rows=500, tolerance=0.3) > 0.5


def test_better_is_never_a_surprise():
    assert surprise(promised(np.random.default_rng(10)), 0.3, rows=500, tolerance=0.0) > 0.9


def test_too_few_test_days_say_nothing():
    reference = promised(np.random.default_rng(11), days=2)
    assert math.isnan(surprise(reference, 0.9, rows=500, tolerance=0.0))


def test_a_loss_that_never_varied_is_judged_without_dividing_by_zero():
    reference = LossReference(name="mae", rows=(50,) * 5, means=(0.0,) * 5, variances=(0.0,) * 5)
    assert surprise(reference, 0.0, rows=50, tolerance=0.0) == 1
    assert surprise(reference, 0.1, rows=50, tolerance=0.0) == 0
