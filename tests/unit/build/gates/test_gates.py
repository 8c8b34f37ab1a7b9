"""Gates decide on bounds: pass, fail, and what the rows can't tell."""

import dataclasses

import numpy as np
import pytest

from towpath.build.gates import Gate, NonInferior, Quality, Trial
from towpath.core.errors import NotFound, UsageError

RANDOM = np.random.default_rng(21)


def trial(rows, *, better=0.0, champion=True, seed=3):
    """Return a trial in which the candidate's scores carry `better` more signal than the champion's."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=rows)
    outcome = (signal + random.normal(size=rows) > 0.8).astype(float)
    noise = random.normal(size=rows)

    def chance(strength):
        return 1 / (1 + np.exp(-(strength * signal + 0.6 * noise - 1)))

    return Trial(
        task="binary",
        outcome=outcome,
        challenger=chance(1 + better),
        champion=chance(1) if champion else None,
        champion_ref="model:late@1" if champion else None,
    )


def test_gates_are_gates():
    assert isinstance(Quality("roc_auc", at_least=0.6), Gate)
    assert isinstance(NonInferior("roc_auc", margin=0.01), Gate)


@pytest.mark.parametrize(
    ("rows", "threshold", "verdict"),
    [
        (4000, 0.6, "pass"),
        (4000, 0.95, "fail"),
        (400, 0.79, "inconclusive"),
        (60, 0.6, "inconclusive"),
    ],
)
def test_quality_above_a_threshold(rows, threshold, verdict):
    finding = Quality("roc_auc", at_least=threshold).judge(trial(rows))
    assert finding.verdict == verdict, finding.summary


@pytest.mark.parametrize(
    ("threshold", "verdict"), [(0.9, "pass"), (0.05, "fail"), (0.5, "inconclusive")]
)
def test_quality_below_a_threshold(threshold, verdict):
    loss = Quality("log_loss", at_most=0.5).judge(trial(400)).evidence["estimate"]
    threshold = loss if threshold == 0.5 else threshold
    finding = Quality("log_loss", at_most=threshold).judge(trial(400))
    assert finding.verdict == verdict, finding.summary


@pytest.mark.parametrize(
    "metric", ["roc_auc", "log_loss", "brier", "accuracy", "average_precision"]
)
def test_a_better_candidate_is_not_inferior(metric):
    finding = NonInferior(metric, margin=0.02).judge(trial(4000, better=1.0))
    assert finding.verdict == "pass", finding.summary
    assert finding.evidence["estimate"] < 0  # harm below zero is help


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier", "average_precision"])
def test_a_worse_candidate_is(metric):
    finding = NonInferior(metric, margin=0.001).judge(trial(4000, better=-0.9))
    assert finding.verdict == "fail", finding.summary
    assert finding.evidence["lower"] > 0.001
    assert "against model:late@1" in finding.summary


def test_few_rows_prove_neither():
    finding = NonInferior("roc_auc", margin=0.0005, min_rows=20).judge(trial(150, better=-0.05))
    assert finding.verdict == "inconclusive"


def test_the_champion_itself_is_not_inferior():
    weighed = trial(4000)
    weighed = dataclasses.replace(weighed, challenger=weighed.champion)
    finding = NonInferior("log_loss", margin=0.02).judge(weighed)
    assert (finding.verdict, finding.evidence["estimate"]) == ("pass", 0.0)


def test_without_a_champion_there_is_nothing_to_be_worse_than():
    finding = NonInferior("log_loss", margin=0.01).judge(trial(500, champion=False))
    assert finding.verdict == "pass"
    assert "no champion" in finding.summary


def test_a_champion_that_can_not_be_scored_blocks():
    blocked = dataclasses.replace(trial(500), champion=None, obstacle="the column 'wind' is gone")
    finding = NonInferior("log_loss", margin=0.01).judge(blocked)
    assert finding.verdict == "inconclusive"
    assert "model:late@1 could not be scored: the column 'wind' is gone" in finding.summary


def test_the_minimum_counts_the_denominator():
    weighed = trial(4000)
    outcome = np.zeros(4000)
    outcome[:40] = 1
    finding = Quality("roc_auc", at_least=0.5).judge(dataclasses.replace(weighed, outcome=outcome))
    assert (finding.verdict, finding.evidence["rows"]) == ("inconclusive", 40)


def test_a_measure_of_another_task_is_inconclusive():
    finding = Quality("rmse", at_most=5.0).judge(trial(500))
    assert finding.verdict == "inconclusive"
    assert "rmse is for regression and forecast models" in finding.summary


def test_evidence_can_be_drawn():
    for gate in (Quality("roc_auc", at_least=0.6), NonInferior("log_loss", margin=0.02)):
        evidence = gate.judge(trial(2000)).evidence
        assert evidence["lower"] < evidence["estimate"] < evidence["upper"]
        assert {"threshold", "direction", "confidence", "rows", "metric"} <= set(evidence)


def test_bad_models_rarely_pass():
    """A candidate exactly at the limit passes at most one time in twenty."""
    gate = Quality("accuracy", at_least=0.8, min_rows=50)
    passed = 0
    for _ in range(1000):
        right = RANDOM.random(300) < 0.8
        weighed = Trial(task="binary", outcome=np.ones(300), challenger=right.astype(float))
        passed += gate.judge(weighed).verdict == "pass"
    assert passed / 1000 < 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5


def test_pools_of_bad_models_pass_no_more_often_than_one_does():
    """Of eight candidates at the limit one passes at most one time in twenty, and unshared far more."""
    gate = Quality("accuracy", at_least=0.8, min_rows=50)

    def any_passes(rivals):
        scores = RANDOM.random((8, 300)) < 0.8
        trials = [
            Trial(task="binary", outcome=np.ones(300), challenger=one.astype(float), rivals=rivals)
            for one in scores
        ]
        return any(gate.judge(one).verdict == "pass" for one in trials)

    assert sum(any_passes(8) for _ in range(500)) / 500 < 0.05 + 3 * (0.05 * 0.95 / 500) ** 0.5
    assert sum(any_passes(1) for _ in range(500)) / 500 > 0.15


def test_a_rival_is_held_to_a_stricter_bound():
    alone = trial(4000, better=2.0)
    among = dataclasses.replace(alone, rivals=5)
    for gate in (Quality("roc_auc", at_least=0.6), NonInferior("roc_auc", margin=0.02)):
        one, five = gate.judge(alone).evidence, gate.judge(among).evidence
        assert five["confidence"] == pytest.approx(0.99)
        assert five["upper"] > one["upper"]
        assert five["lower"] < one["lower"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Quality("roc_auk", at_least=0.5), NotFound, "roc_auc"),
        (lambda: Quality("roc_auc"), UsageError, "needs at_least"),
        (lambda: Quality("roc_auc", at_most=0.5), UsageError, "needs at_least"),
        (lambda: Quality("log_loss", at_least=0.5), UsageError, "needs at_most"),
        (lambda: Quality("log_loss", at_least=0.1, at_most=0.5), UsageError, "needs at_most"),
        (lambda: Quality("brier", at_most=0.1, confidence=0.3), UsageError, "confidence"),
        (lambda: Quality("brier", at_most=0.1, confidence=1.0), UsageError, "confidence"),
        (lambda: Quality("brier", at_most=0.1, min_rows=3), UsageError, "3 rows"),
        (lambda: NonInferior("brier", margin=0), UsageError, "not above zero"),
        (lambda: NonInferior("brier", margin=float("nan")), UsageError, "not above zero"),
        (lambda: NonInferior("speed", margin=0.1), NotFound, "speed"),
    ],
)
def test_demands_that_can_not_be_meant_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
