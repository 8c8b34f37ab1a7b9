"""Measures mean what their definitions say."""

import numpy as np
import pytest
from sklearn import metrics as sk

from towpath.build.gates import METRICS, find_metric
from towpath.build.gates.metrics import measure_all
from towpath.core.errors import NotFound

RANDOM = np.random.default_rng(4)
OUTCOME = (RANDOM.random(300) < 0.3).astype(float)
CHANCE = np.clip(RANDOM.beta(2, 3, 300) * 0.7 + 0.3 * OUTCOME * RANDOM.random(300), 0.01, 0.99)
VALUE, GUESS = RANDOM.normal(size=300), RANDOM.normal(size=300)
PEERS = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
    "accuracy": lambda y, p: sk.accuracy_score(y, p >= 0.5),
    "error_rate": lambda y, p: 1 - sk.accuracy_score(y, p >= 0.5),
    "rmse": sk.root_mean_squared_error,
    "mse": sk.mean_squared_error,
    "mae": sk.mean_absolute_error,
}


@pytest.mark.parametrize("name", METRICS)
def test_a_measure_agrees_with_scikit_learn(name):
    kind = find_metric(name)
    rows = (OUTCOME, CHANCE) if kind.task == "binary" else (VALUE, GUESS)
    assert kind.measure(*rows).value == pytest.approx(PEERS[name](*rows))
    assert kind.definition


@pytest.mark.parametrize("name", METRICS)
def test_contributions_average_to_the_value(name):
    kind = find_metric(name)
    rows = (OUTCOME, CHANCE) if kind.task == "binary" else (VALUE, GUESS)
    estimate = kind.measure(*rows)
    for part in estimate.parts:
        assert part.mean() == pytest.approx(estimate.value)


def test_denominators_are_the_measures_own():
    outcome = np.array([1.0] * 3 + [0.0] * 20)
    rows = {name: find_metric(name).rows(outcome) for name in ("roc_auc", "average_precision")}
    assert rows == {"roc_auc": 3, "average_precision": 3}
    assert find_metric("roc_auc").rows(1 - outcome) == 3
    assert find_metric("average_precision").rows(1 - outcome) == 20
    assert find_metric("log_loss").rows(outcome) == 23


def test_rows_of_one_class_define_only_some_measures():
    found = measure_all("binary", np.zeros(10), np.full(10, 0.2))
    assert set(found) == {"log_loss", "brier", "accuracy", "error_rate"}


def test_a_perfect_regression_has_no_error():
    assert measure_all("regression", VALUE, VALUE) == {"mae": 0.0, "mse": 0.0, "rmse": 0.0}


def test_an_unknown_measure_is_named_with_the_nearest():
    with pytest.raises(NotFound, match=r"'roc_auk'.*'roc_auc'"):
        find_metric("roc_auk")
