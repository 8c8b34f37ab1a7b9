"""A rollout that can't be carried out is refused where it is written."""

from __future__ import annotations

import dataclasses

import pytest

from towpath.core.errors import InvalidName, InvalidProject, NotFound
from towpath.operate.rollouts import Rollout


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
