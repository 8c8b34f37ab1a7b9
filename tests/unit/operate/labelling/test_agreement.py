"""Agreement coefficients against their authors' own examples, another implementation, and their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from towpath.operate.labelling.agreement import (
    alpha_interval,
    cohen_kappas,
    coincidences,
    counts_of,
    fleiss_kappa,
    krippendorff_alpha,
    observed_agreement,
)

# Krippendorff (2011), section C: four observers, twelve units, five values, answers missing.
FOUR_OBSERVERS = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
VALUES = ["1", "2", "3", "4", "5"]

# Fleiss (1971) as tabulated in textbooks: ten subjects, fourteen raters, five categories.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def votes_of(said: dict[str, str]) -> dict[str, dict[str, str]]:
    """Turn one line of answers per person into answers per item."""
    votes: dict[str, dict[str, str]] = {}
    for person, line in said.items():
        for item, label in enumerate(line.split()):
            if label != ".":
                votes.setdefault(str(item), {})[person] = label
    return votes


def test_krippendorff_s_own_example() -> None:
    counts = counts_of(votes_of(FOUR_OBSERVERS), VALUES)
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)
    matrix = coincidences(counts)
    assert matrix.sum() == pytest.approx(40)  # the paper's n: answers that can be paired
    assert np.diag(matrix).tolist() == pytest.approx([7, 10, 8, 4, 3], abs=1e-9)
    assert matrix[0, 1] == pytest.approx(4 / 3)


def test_fleiss_own_example() -> None:
    assert fleiss_kappa(FLEISS) == pytest.approx(0.2099, abs=5e-5)


def test_fleiss_takes_the_items_that_most_people_answered_alike_often() -> None:
    two = np.array([[2, 0], [0, 2], [1, 1]])
    three = np.array([[3, 0]])
    assert fleiss_kappa(np.vstack([two, three])) == fleiss_kappa(two)
    assert fleiss_kappa(np.vstack([two[:1], three])) is None  # all said the first label


def test_cohen_s_example_of_two_readers() -> None:
    # 50 proposals; both yes 20, only the first 5, only the second 10, both no 15.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    votes = {str(item): dict(zip("ab", pair, strict=True)) for item, pair in enumerate(pairs)}
    (pair,) = cohen_kappas(votes)
    assert (pair.annotators, pair.items) == (("a", "b"), 50)
    assert (pair.observed, pair.kappa) == (pytest.approx(0.7), pytest.approx(0.4))


def test_pairs_are_told_apart_and_those_that_share_most_come_first() -> None:
    votes = {
        "1": {"a": "x", "b": "x", "c": "y"},
        "2": {"a": "x", "b": "y"},
        "3": {"d": "x"},
    }
    found = cohen_kappas(votes)
    assert [(pair.annotators, pair.items) for pair in found] == [
        (("a", "b"), 2),
        (("a", "c"), 1),
        (("b", "c"), 1),
    ]


answers = st.lists(
    st.tuples(st.sampled_from("xyz"), st.sampled_from("xyz")), min_size=2, max_size=60
)


@given(answers)
def test_kappa_is_scikit_learn_s(pairs: list[tuple[str, str]]) -> None:
    assume(len({label for pair in pairs for label in pair}) > 1)
    firsts, seconds = zip(*pairs, strict=True)
    votes = {str(item): dict(zip("ab", pair, strict=True)) for item, pair in enumerate(pairs)}
    (pair,) = cohen_kappas(votes)
    theirs = cohen_kappa_score(firsts, seconds)
    assert pair.kappa == pytest.approx(theirs) or (pair.kappa is None and math.isnan(theirs))


@given(answers)
def test_alpha_of_two_people_without_gaps_is_scott_s_pi_for_many_items(
    pairs: list[tuple[str, str]],
) -> None:
    """Krippendorff (2018): alpha = 1 − (1 − pi) (2N − 1) / 2N, with Scott's pi of the same answers."""
    votes = {str(item): dict(zip("ab", pair, strict=True)) for item, pair in enumerate(pairs)}
    counts = counts_of(votes, ["x", "y", "z"])
    shares = counts.sum(axis=0) / counts.sum()
    chance = float((shares**2).sum())
    assume(chance < 1)
    pi = (observed_agreement(counts) - chance) / (1 - chance)
    n = counts.sum()
    assert krippendorff_alpha(counts) == pytest.approx(1 - (1 - pi) * (n - 1) / n)


@given(answers, st.permutations(["x", "y", "z"]))
def test_it_does_not_matter_what_labels_are_called_or_in_which_order(
    pairs: list[tuple[str, str]], order: list[str]
) -> None:
    votes = {str(item): dict(zip("ab", pair, strict=True)) for item, pair in enumerate(pairs)}
    straight, turned = (counts_of(votes, labels) for labels in (["x", "y", "z"], order))
    for coefficient in (krippendorff_alpha, fleiss_kappa, observed_agreement):
        assert coefficient(straight) == pytest.approx(coefficient(turned))


def test_perfect_agreement_is_one_and_the_only_label_is_undefined() -> None:
    perfect = np.array([[2, 0], [0, 2], [2, 0]])
    assert (krippendorff_alpha(perfect), fleiss_kappa(perfect)) == (1.0, 1.0)
    assert alpha_interval(perfect) == (1.0, 1.0)
    only = np.array([[2, 0], [2, 0]])
    assert (krippendorff_alpha(only), fleiss_kappa(only)) == (None, None)
    assert alpha_interval(only) is None
    assert observed_agreement(only) == 1.0


def test_nobody_agrees_alone() -> None:
    counts = counts_of({"1": {"a": "x"}, "2": {"b": "y"}}, ["x", "y"])
    assert counts.shape == (0, 2)
    assert krippendorff_alpha(counts) is None
    assert fleiss_kappa(counts) is None
    assert observed_agreement(counts) is None
    assert cohen_kappas({"1": {"a": "x"}}) == []


def test_the_interval_holds_the_estimate_and_narrows_with_more_items() -> None:
    generator = np.random.default_rng(5)
    widths = []
    for items in (40, 160, 640):
        truth = generator.integers(0, 2, items)
        people = np.where(generator.random((3, items)) < 0.85, truth, 1 - truth)
        counts = np.stack([(people == 0).sum(axis=0), (people == 1).sum(axis=0)], axis=1)
        low, high = alpha_interval(counts)
        assert low <= krippendorff_alpha(counts) <= high
        assert alpha_interval(counts) == (low, high)
        widths.append(high - low)
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Two people who are right with 0.8 and guess otherwise agree with a known alpha of 0.64."""
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        truth = generator.integers(0, 2, 150)
        guesses = generator.integers(0, 2, (2, 150))
        people = np.where(generator.random((2, 150)) < 0.8, truth, guesses)
        counts = np.stack([(people == 0).sum(axis=0), (people == 1).sum(axis=0)], axis=1)
        low, high = alpha_interval(counts)
        covered += low <= 0.64 <= high
    assert covered >= 200 * 0.90
