"""What every proposer promises, over each sampler and each way to give trials up."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.tuning.contract import Objective, SearchSpec, Trial
from towpath.build.tuning.space import Choice, Interval
from towpath.build.tuning.study import OptunaProposer

if TYPE_CHECKING:
    from collections.abc import Callable

SPACE = {
    "leaves": Interval(low=2, high=64, whole=True),
    "rate": Interval(low=0.01, high=1.0, log=True),
    "share": Interval(low=0.1, high=0.9, step=0.2),
}
CHOICES = {"kind": Choice(values=("a", 1, True, None, 1.5))}
GRID = {"share": SPACE["share"], "kind": CHOICES["kind"]}
SPACES = {"tpe": SPACE | CHOICES, "random": SPACE | CHOICES, "cmaes": SPACE, "grid": GRID}


@pytest.fixture(params=list(SPACES))
def spec(request: pytest.FixtureRequest) -> SearchSpec:
    name: Any = request.param
    if name == "cmaes" and importlib.util.find_spec("cmaes") is None:
        pytest.skip("cmaes is not installed: pip install 'towpath[cmaes]'")
    return SearchSpec(
        space=SPACES[name], objectives=(Objective(metric="m", direction="maximize"),),
        trials=30, sampler=name,
    )  # fmt: skip


def score(params: dict[str, Any]) -> float:
    return -abs(params["share"] - 0.5) - abs(params.get("leaves", 8) - 8) / 64


def done(number: int, params: dict[str, Any], value: float, **more: Any) -> Trial:
    return Trial(number=number, params=params, state="done", values=(value,), **more)


def play(spec: SearchSpec, count: int, before: tuple[Trial, ...] = ()) -> list[Trial]:
    """Ask for trials one after the other, those in `before` told instead."""
    proposer = OptunaProposer(spec)
    trials = list(before)
    for one in before:
        proposer.tell(one)
    for number in range(len(before), count):
        params = proposer.propose(number)
        trials.append(done(number, params, score(params)))
        proposer.tell(trials[-1])
    return trials


def test_points_lie_in_the_space_and_keep_their_types(spec: SearchSpec) -> None:
    for trial in play(spec, 20):
        assert list(trial.params) == list(spec.space)
        for name, value in trial.params.items():
            assert spec.space[name].holds(value), (name, value)


def test_the_same_seed_proposes_the_same_and_another_seed_others(spec: SearchSpec) -> None:
    first = play(spec, 15)
    assert play(spec, 15) == first
    if spec.sampler != "grid":
        assert play(replace(spec, seed=1), 15) != first


def test_a_proposer_that_was_told_goes_on_as_the_one_that_proposed(spec: SearchSpec) -> None:
    whole = play(spec, 20)
    for told in (1, 7, 19):
        assert play(spec, 20, tuple(whole[:told])) == whole


def test_failed_and_pruned_trials_are_remembered_alike(spec: SearchSpec) -> None:
    spec = replace(spec, prune="median")
    ends = {3: "failed", 5: "pruned", 8: "failed"}

    def told(upto: int) -> OptunaProposer:
        proposer = OptunaProposer(spec)
        for number in range(upto):
            params = proposer.propose(number)
            proposer.report(number, 0, score(params))
            proposer.tell(end(number, params))
        return proposer

    def end(number: int, params: dict[str, Any]) -> Trial:
        points = ((0, score(params)),)
        state: Any = ends.get(number, "done")
        values = (score(params),) if state == "done" else ()
        return Trial(number=number, params=params, state=state, values=values, points=points)

    asked = OptunaProposer(spec)
    trials = []
    for number in range(12):
        params = asked.propose(number)
        asked.report(number, 0, score(params))
        trials.append(end(number, params))
        asked.tell(trials[-1])
    retold = OptunaProposer(spec)
    for trial in trials:
        retold.tell(trial)
    assert retold.propose(12) == asked.propose(12) == told(12).propose(12)


def test_a_point_to_begin_with_is_taken_and_the_rest_of_it_proposed(spec: SearchSpec) -> None:
    proposer = OptunaProposer(spec)
    name = "share"
    value = spec.space[name].grid()[1]
    params = proposer.propose(0, {name: value})
    assert params[name] == value
    assert all(spec.space[one].holds(params[one]) for one in spec.space)
    whole = dict(params)
    assert proposer.propose(1, whole) == whole


@pytest.mark.parametrize("prune", ["median", "asha"])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_trial_that_is_worse_than_most_is_given_up_and_says_why(
    spec: SearchSpec, prune: Any, direction: Any
) -> None:
    goal = Objective(metric="m", direction=direction)
    proposer = OptunaProposer(replace(spec, prune=prune, objectives=(goal,)))
    sign = 1 if direction == "maximize" else -1
    for number in range(8):
        params = proposer.propose(number)
        assert proposer.report(number, 1, sign * (number + 10.0)) == ""
        proposer.tell(done(number, params, sign * 10.0, points=((1, sign * (number + 10.0)),)))
    proposer.propose(8)
    assert "at step 1" in proposer.report(8, 1, sign * 1.0)
    proposer.propose(9)
    assert proposer.report(9, 1, sign * 100.0) == ""
    assert proposer.report(9, 2, float("nan")) == ""


@pytest.mark.parametrize("prune", ["median", "asha"])
def test_what_earlier_trials_reported_counts_after_a_restart(spec: SearchSpec, prune: Any) -> None:
    proposer = OptunaProposer(replace(spec, prune=prune))
    fresh = OptunaProposer(spec)
    for number in range(8):
        params = fresh.propose(number)
        proposer.tell(done(number, params, 10.0, points=((1, 10.0),)))
    proposer.propose(8)
    assert proposer.report(8, 1, 1.0)


def test_without_pruning_nothing_is_given_up(spec: SearchSpec) -> None:
    proposer = OptunaProposer(spec)
    for number in range(8):
        proposer.tell(done(number, proposer.propose(number), 10.0, points=((1, 10.0),)))
    proposer.propose(8)
    assert proposer.report(8, 1, -1000.0) == ""


def test_several_run_at_once_and_end_in_any_order(spec: SearchSpec) -> None:
    proposer = OptunaProposer(spec)
    points = {number: proposer.propose(number) for number in range(4)}
    for number in (2, 0, 3, 1):
        proposer.tell(done(number, points[number], score(points[number])))
    assert proposer.propose(4)


@pytest.mark.parametrize("ask", [1, 2])
def test_tpe_learns_from_what_it_is_told(ask: int) -> None:
    space = {"x": Interval(low=0.0, high=1.0), "y": Interval(low=0.0, high=1.0)}
    goals = tuple(Objective(metric=f"m{n}", direction="maximize") for n in range(ask))
    spec = SearchSpec(space=space, objectives=goals, trials=60)
    proposer = OptunaProposer(spec)
    near: list[float] = []
    for number in range(60):
        params = proposer.propose(number)
        off = abs(params["x"] - 0.7) + abs(params["y"] - 0.2)
        near.append(off)
        proposer.tell(
            Trial(number=number, params=params, state="done", values=tuple(-off for _ in goals))
        )
    assert median(near[30:]) < median(near[:10]) / 2


def test_proposals_move_away_from_what_is_out_of_bounds() -> None:
    spec = SearchSpec(
        space={"x": Interval(low=0.0, high=1.0)},
        objectives=(Objective(metric="m", direction="maximize"),),
        trials=60,
        within={"size": (None, 0.3)},
    )

    def middle(told: Callable[[float], dict[str, float]]) -> float:
        proposer = OptunaProposer(spec)
        xs: list[float] = []
        for number in range(50):
            x = proposer.propose(number)["x"]
            xs.append(x)
            proposer.tell(done(number, {"x": x}, x, metrics=told(x)))
        return median(xs[20:])

    assert middle(lambda x: {"size": x}) < 0.4
    assert middle(lambda _: {"size": 0.0}) > 0.7


def test_a_bounded_metric_that_is_missing_or_not_a_number_is_out_of_bounds() -> None:
    within = {"size": (1.0, 2.0)}
    assert not done(0, {}, 1.0).allowed(within)
    assert not done(0, {}, 1.0, metrics={"size": float("nan")}).allowed(within)
    assert not done(0, {}, 1.0, metrics={"size": 2.1}).allowed(within)
    assert not done(0, {}, 1.0, metrics={"size": 0.9}).allowed(within)
    assert done(0, {}, 1.0, metrics={"size": 1.0}).allowed(within)
    assert not replace(done(0, {}, 1.0, metrics={"size": 1.5}), state="pruned").allowed(within)
