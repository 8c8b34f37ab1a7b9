"""Which trials go first, and which parameters made them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.build.tuning.contract import Objective, Trial
from towpath.build.tuning.importance import importances
from towpath.build.tuning.ranking import pareto_front, rank
from towpath.build.tuning.space import Choice, Interval

UP = Objective(metric="up", direction="maximize")
DOWN = Objective(metric="down", direction="minimize")


def done(number: int, *values: float, **more: Any) -> Trial:
    more.setdefault("params", {})
    return Trial(number=number, state="done", values=values, **more)


def numbers(trials: list[Trial]) -> list[int]:
    return [trial.number for trial in trials]


def test_equal_trials_stay_in_the_order_in_which_they_were_tried() -> None:
    trials = [done(0, 1.0), done(1, 2.0), done(2, 2.0), done(3, 1.0)]
    assert numbers(rank(trials, [UP], {})) == [1, 2, 0, 3]
    assert numbers(rank(trials, [DOWN], {})) == [0, 3, 1, 2]


def test_what_is_not_done_or_out_of_bounds_is_left_out() -> None:
    trials = [
        done(0, 9.0, metrics={"size": 5.0}),
        done(1, 1.0, metrics={"size": 1.0}),
        Trial(number=2, params={}, state="pruned", values=(8.0,)),
        Trial(number=3, params={}, state="failed"),
    ]
    assert numbers(rank(trials, [UP], {"size": (None, 2.0)})) == [1]
    assert rank(trials, [UP], {"size": (9.0, None)}) == []
    assert pareto_front(trials, [UP], {"size": (9.0, None)}) == []


VALUES = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=25)


@given(VALUES)
def test_the_front_is_what_nobody_beats_and_fronts_follow_one_another(values: Any) -> None:
    trials = [done(n, float(up), float(down)) for n, (up, down) in enumerate(values)]

    def beats(one: Trial, other: Trial) -> bool:
        no_worse = one.values[0] >= other.values[0] and one.values[1] <= other.values[1]
        return no_worse and one.values != other.values

    front = pareto_front(trials, [UP, DOWN], {})
    assert front == [one for one in trials if not any(beats(other, one) for other in trials)]
    ranked = rank(trials, [UP, DOWN], {})
    assert sorted(numbers(ranked)) == list(range(len(trials)))
    assert set(numbers(ranked[: len(front)])) == set(numbers(front))
    for place, one in enumerate(ranked):
        assert not any(beats(later, one) for later in ranked[place + 1 :])


def played(count: int, seed: int, score: Any) -> tuple[list[Trial], dict[str, Any]]:
    space = {
        "heavy": Interval(low=0.0, high=1.0),
        "light": Interval(low=0.001, high=1.0, log=True),
        "kind": Choice(values=("a", "b", "c")),
    }
    rng = np.random.default_rng(seed)
    trials: list[Trial] = []
    for number in range(count):
        params = {
            "heavy": float(rng.random()),
            "light": float(0.001 ** rng.random()),
            "kind": str(rng.choice(["a", "b", "c"])),
        }
        trials.append(done(number, score(params), params=params))
    return trials, space


@pytest.mark.parametrize("seed", range(3))
def test_what_decides_is_named_first(seed: int) -> None:
    trials, space = played(80, seed, lambda p: p["heavy"] + (p["kind"] == "b") * 0.3)
    shares = importances(trials, space, [UP], {})
    assert next(iter(shares)) == "heavy"
    assert shares["light"] < 0.2
    assert sum(shares.values()) == pytest.approx(1)


def test_shares_agree_with_those_of_another_implementation() -> None:
    def score(p: Any) -> float:
        return p["heavy"] * 2 - abs(np.log10(p["light"]) + 1.5) * 0.5

    trials, space = played(150, 7, score)
    ours = importances(trials, space, [UP], {})
    theirs = _by_optuna(trials)
    assert next(iter(ours)) == next(iter(theirs))
    assert list(ours)[-1] == list(theirs)[-1] == "kind"
    for name in ours:
        assert ours[name] == pytest.approx(theirs[name], abs=0.2)


def test_too_few_trials_say_nothing() -> None:
    trials, space = played(7, 0, lambda p: p["heavy"])
    assert importances(trials, space, [UP], {}) == {}


def test_trials_that_are_all_alike_blame_nobody() -> None:
    space = {"x": Interval(low=0, high=9, whole=True), "y": Choice(values=(1, 2))}
    trials = [done(n, 1.0, params={"x": 3, "y": 2}) for n in range(20)]
    shares = importances(trials, space, [UP], {})
    assert sum(shares.values()) == pytest.approx(1)


def _by_optuna(trials: list[Trial]) -> dict[str, float]:
    kinds = optuna.distributions
    axes = {
        "heavy": kinds.FloatDistribution(0.0, 1.0),
        "light": kinds.FloatDistribution(0.001, 1.0, log=True),
        "kind": kinds.CategoricalDistribution(("a", "b", "c")),
    }
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        optuna.trial.create_trial(params=one.params, distributions=axes, value=one.values[0])
        for one in trials
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.2)
        return optuna.importance.get_param_importances(study, evaluator=evaluator)
