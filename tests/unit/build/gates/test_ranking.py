"""Ranking measures, against their definitions written out and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from towpath.build.gates.ranking import average_precision, roc_auc


@st.composite
def samples(draw):
    """Outcomes of both classes, with scores that are often tied."""
    n = draw(st.integers(4, 40))
    scores = draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    outcome = draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n))
    outcome[0], outcome[1] = 0.0, 1.0
    return np.array(outcome), np.array(scores) / 7


@given(samples())
def test_the_area_is_the_chance_to_rank_a_pair_right(sample):
    outcome, score = sample
    high, low = score[outcome == 1][:, None], score[outcome == 0][None, :]
    wins = (high > low) + 0.5 * (high == low)
    estimate = roc_auc(outcome, score)
    assert estimate.value == pytest.approx(wins.mean())
    np.testing.assert_allclose(estimate.parts[0], wins.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(estimate.parts[1], wins.mean(axis=0), atol=1e-12)


@given(samples())
def test_measures_agree_with_scikit_learn(sample):
    outcome, score = sample
    assert roc_auc(outcome, score).value == pytest.approx(roc_auc_score(outcome, score))
    ours, theirs = average_precision(outcome, score), average_precision_score(outcome, score)
    assert ours.value == pytest.approx(theirs)


@given(samples(), st.randoms(use_true_random=False))
def test_order_does_not_matter(sample, random):
    outcome, score = sample
    order = list(range(len(score)))
    random.shuffle(order)
    for measure in (roc_auc, average_precision):
        there = measure(outcome, score)
        here = measure(outcome[order], score[order])
        assert here.value == pytest.approx(there.value)
    rows = average_precision(outcome, score).parts[0]
    np.testing.assert_allclose(
        average_precision(outcome[order], score[order]).parts[0], rows[order]
    )


@given(samples())
def test_contributions_are_the_derivative_of_average_precision(sample):
    outcome, score = sample
    estimate = average_precision(outcome, score)
    step = 1e-6
    for row in range(min(len(score), 6)):
        weights = np.ones(len(score))
        weights[row] += step
        moved = average_precision_score(outcome, score, sample_weight=weights)
        slope = (moved - estimate.value) / step * len(score)
        assert estimate.parts[0][row] - estimate.value == pytest.approx(slope, abs=1e-3)
