"""Losses agree with scikit-learn's definitions, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from towpath.assets.models.losses import LOSSES, find_loss
from towpath.core.errors import NotFound

RNG = np.random.default_rng(3)
SCORE = RNG.uniform(0.01, 0.99, 500)
OUTCOME = (RNG.uniform(size=500) < SCORE).astype(float)


def test_means_are_the_known_metrics():
    def mean(name: str) -> float:
        return float(find_loss(name)(OUTCOME, SCORE).mean())

    assert mean("log_loss") == pytest.approx(metrics.log_loss(OUTCOME, SCORE))
    assert mean("brier") == pytest.approx(metrics.brier_score_loss(OUTCOME, SCORE))
    assert mean("error_rate") == pytest.approx(1 - metrics.accuracy_score(OUTCOME, SCORE >= 0.5))
    assert mean("mae") == pytest.approx(metrics.mean_absolute_error(OUTCOME, SCORE))
    assert mean("mse") == pytest.approx(metrics.mean_squared_error(OUTCOME, SCORE))


@pytest.mark.parametrize("name", sorted(LOSSES["binary"]))
def test_a_certain_error_costs_a_finite_amount(name: str):
    worst = find_loss(name)(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert np.isfinite(worst).all()
    assert (worst > 0).all()


def test_a_ranking_measure_is_refused_with_what_would_do():
    with pytest.raises(NotFound, match="log_loss"):
        find_loss("roc_auc")
