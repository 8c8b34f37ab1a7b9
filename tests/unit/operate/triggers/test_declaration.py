"""A trigger that can never fire is refused where it is written."""

from __future__ import annotations

import dataclasses

import pytest

from towpath.core.errors import InvalidName, InvalidProject
from towpath.operate.triggers import Retrain


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"on": []}, InvalidProject),
        ({"on": "drift"}, InvalidProject),
        ({"cooldown": "a while"}, InvalidName),
        ({"name": ""}, InvalidName),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], error: type[Exception]):
    with pytest.raises(error):
        Retrain(**fields)


def test_it_comes_back_from_an_intents_spec():
    trigger = Retrain(on=["drift"], pipeline="train", params={"window": "4 weeks"})
    spec = {**dataclasses.asdict(trigger), "project": "flights"}
    assert Retrain.from_spec(spec) == trigger
