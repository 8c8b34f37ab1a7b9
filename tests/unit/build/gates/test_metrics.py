"""Measures mean what their definitions say."""

from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sk

from towpath.build.gates import METRICS, find_metric
from towpath.build.gates.metrics import measure_all
from towpath.build.gates.within import ALONE, Within
from towpath.core.errors import NotFound

RANDOM = np.random.default_rng(4)
OUTCOME = (RANDOM.random(300) < 0.3).astype(float)
CHANCE = np.clip(RANDOM.beta(2, 3, 300) * 0.7 + 0.3 * OUTCOME * RANDOM.random(300), 0.01, 0.99)
VALUE, GUESS = RANDOM.normal(size=300), RANDOM.normal(size=300)
RELEVANCE, LISTS = RANDOM.integers(0, 4, 300).astype(float), np.repeat(np.arange(20), 15)


def sk_ndcg(k, outcome, score):
    gain = np.exp2(outcome.reshape(20, 15)) - 1
    return sk.ndcg_score(gain, score.reshape(20, 15), k=k)


def sk_recall(k, outcome, score):
    first = np.argsort(-score.reshape(20, 15), axis=1)[:, :k]
    relevant = outcome.reshape(20, 15) > 0
    return np.mean(np.take_along_axis(relevant, first, 1).sum(axis=1) / relevant.sum(axis=1))


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
    "r2": sk.r2_score,
    "mase": sk.mean_absolute_error,  # without a scale, 1 is it
    **{f"ndcg@{k}": partial(sk_ndcg, k) for k in (5, 10)},
    **{f"recall@{k}": partial(sk_recall, k) for k in (5, 10)},
}
ROWS = {
    "binary": (OUTCOME, CHANCE, ALONE),
    "regression": (VALUE, GUESS, ALONE),
    "forecast": (VALUE, GUESS, ALONE),
    "ranking": (RELEVANCE, GUESS, Within(group=LISTS)),
}


@pytest.mark.parametrize("name", METRICS)
def test_a_measure_agrees_with_scikit_learn(name):
    kind = find_metric(name)
    rows = ROWS[kind.task]
    assert kind.measure(*rows).value == pytest.approx(PEERS[name](*rows[:2]))
    assert kind.definition


@pytest.mark.parametrize("name", METRICS)
def test_contributions_average_to_the_value(name):
    kind = find_metric(name)
    rows = ROWS[kind.task]
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
    perfect = {"mae": 0.0, "mse": 0.0, "rmse": 0.0, "r2": 1.0}
    assert measure_all("regression", VALUE, VALUE) == perfect


def test_any_number_of_places_may_be_looked_at():
    kind = find_metric("ndcg@3")
    assert (kind.name, kind.tasks, kind.limits) == ("ndcg@3", ("ranking",), (0.0, 1.0))
    assert kind.measure(*ROWS["ranking"]).value == pytest.approx(sk_ndcg(3, RELEVANCE, GUESS))
    with pytest.raises(NotFound):
        find_metric("ndcg@0")


def test_a_list_without_anything_relevant_does_not_count():
    outcome = np.array([1.0, 0.0, 0.0, 0.0])
    within = Within(group=np.array([0, 0, 1, 1]))
    for name in ("ndcg@5", "recall@5"):
        estimate = find_metric(name).measure(outcome, outcome, within)
        assert estimate.value == 1.0
        assert estimate.parts[0].size == find_metric(name).rows(outcome, within) == 1


def test_rows_of_equal_score_share_their_places():
    outcome, within = np.array([1.0, 0.0]), Within(group=np.array([0, 0]))
    for turned in (slice(None), slice(None, None, -1)):
        tied = find_metric("recall@1").measure(outcome[turned], np.zeros(2), within)
        assert tied.value == 0.5


def test_a_detector_is_judged_by_how_it_puts_rows_in_order():
    assert set(measure_all("anomaly", OUTCOME, 10 * GUESS)) == {"roc_auc", "average_precision"}


def test_a_forecasts_errors_are_scaled_by_its_series():
    within = Within(period=np.array([0, 1, 2, 3]), scale=np.array([2.0, 2.0, 4.0, np.nan]))
    kind = find_metric("mase")
    estimate = kind.measure(np.zeros(4), np.array([2.0, 4.0, 4.0, 100.0]), within)
    assert estimate.value == pytest.approx((1 + 2 + 1) / 3)
    assert kind.rows(np.zeros(4), within) == 3
    assert "mase" not in measure_all("forecast", VALUE, GUESS, ALONE), "no scale, no measure"


def test_an_unknown_measure_is_named_with_the_nearest():
    with pytest.raises(NotFound, match=r"'roc_auk'.*'roc_auc'"):
        find_metric("roc_auk")
