"""A rollout that can't be carried out is refused where it is written."""

from __future__ import annotations

import dataclasses
import json

import pytest

from towpath.core.errors import InvalidName, InvalidProject, NotFound
from towpath.operate.rollouts import Agreement, Errors, Latency, Rollout, Signal


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"stages": [0.5, 0.1]}, InvalidProject),
        ({"stages": [0.0, 1.0]}, InvalidProject),
        ({"stages": [0.5, 1.5]}, InvalidProject),
        ({"margin": 0}, InvalidProject),
        ({"alpha": 1}, InvalidProject),
        ({"compare": "guess"}, InvalidProject),
        ({"on_timeout": "shrug"}, InvalidProject),
        ({"metric": "roc_auc"}, NotFound),
        ({"strategy": "big_bang"}, InvalidProject),
        ({"strategy": "shadow", "stages": [0.5]}, InvalidProject),
        ({"strategy": "blue_green", "stages": [0.5, 1.0]}, InvalidProject),
        ({"strategy": "blue_green", "metric": "brier"}, InvalidProject),
        ({"strategy": "blue_green", "bake": None}, InvalidProject),
        ({"strategy": "champion_challenger", "stages": [0.1, 0.5]}, InvalidProject),
        ({"strategy": "shadow", "require": [Signal(signal="paid", margin=0.1)]}, InvalidProject),
        ({"require": [Agreement()]}, InvalidProject),
        ({"require": [Errors()]}, InvalidProject),
        ({"require": [Errors(margin=0.1)], "guards": [Errors()]}, InvalidProject),
        ({"require": ["errors"]}, InvalidProject),
        ({"metric": None}, InvalidProject),
        ({"bake": "a while"}, InvalidName),
        ({"maturity": "soon"}, InvalidName),
        ({"max_duration": "0d"}, InvalidName),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], error: type[Exception]):
    with pytest.raises(error):
        Rollout(**fields)


def test_early_stages_tolerate_more():
    plan = Rollout(stages=[0.1, 0.5, 1.0], margin=0.01)
    assert plan.trial_stages == (0.1, 0.5)
    assert [plan.margin_at(stage) for stage in (0, 1)] == pytest.approx([0.02, 0.01])


def test_all_at_once_is_no_trial():
    assert not Rollout(stages=[1.0]).has_trial
    assert Rollout(stages=[0.2]).has_trial


def test_it_comes_back_from_an_intents_spec():
    plan = Rollout(stages=[0.2], metric="brier", compare="paired")
    spec = {**dataclasses.asdict(plan), "service": "board", "champion": "model:late@1"}
    assert Rollout.from_spec(spec) == plan


@pytest.mark.parametrize(
    ("measure", "fields"),
    [
        (Errors, {"margin": 1.5}),
        (Latency, {"quantile": 99}),
        (Latency, {"margin": "a bit"}),
        (Signal, {"signal": "paid", "margin": 0}),
        (Signal, {"signal": "paid", "margin": 0.1, "better": "larger"}),
        (Signal, {"signal": "paid", "margin": 0.1, "clip": (1, 0)}),
        (Signal, {"signal": "paid", "margin": 0.1, "clip": (1, 5)}),
        (Agreement, {"at_least": 1.0}),
    ],
)
def test_measures_that_measure_nothing_are_refused(measure: type, fields: dict[str, object]):
    with pytest.raises((InvalidProject, InvalidName)):
        measure(**fields)


def test_each_strategy_has_its_usual_ways():
    plans = {name: Rollout(strategy=name) for name in ("canary", "champion_challenger", "shadow")}
    assert [plan.trial_stages for plan in plans.values()] == [(0.1, 0.5), (0.1,), (0.0,)]
    switch = Rollout(strategy="blue_green")
    assert (switch.metric, switch.bake, switch.max_duration) == (None, "1h", "1d")
    assert switch.required == (Errors(margin=0.01),)
    assert switch.guarding == ()
    assert plans["canary"].guarding == (Errors(),)


def test_measures_come_back_from_an_intents_spec():
    plan = Rollout(
        require=[Signal(signal="paid", margin=1, clip=(0, 20))],
        guards=[Latency(quantile=0.5, margin="5ms")],
    )
    spec = json.loads(json.dumps(dataclasses.asdict(plan)))
    assert Rollout.from_spec(spec) == plan
