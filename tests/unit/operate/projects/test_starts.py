"""What starts pipelines must name pipelines that the project has, and parameters that those have."""

from __future__ import annotations

from typing import Any

import pytest

import towpath as tp
from towpath.core.errors import InvalidProject, NotFound


@tp.step
def count(*, times: int) -> int:
    return times


@tp.pipeline
def train(times: int = 1) -> object:
    return count(times=times)


def project(**fields: Any) -> tp.Project:
    return tp.Project("mine", owner="you@example.org", pipelines=[train], **fields)


def nightly(**fields: Any) -> tp.Schedule:
    return tp.Schedule("nightly", **{"pipeline": train, "cron": "0 3 * * *", **fields})


def test_declared_things_are_part_of_the_declaration():
    declared = project(
        schedules=[nightly(params={"times": 3})], triggers=[tp.On(dataset="flights")]
    ).declaration()
    assert declared["schedules"]["nightly"]["pipeline"] == "train"
    assert declared["triggers"]["on-flights"]["dataset"] == "flights"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"schedules": [nightly(pipeline="trian")]}, NotFound),
        ({"schedules": [nightly(params={"tims": 3})]}, NotFound),
        ({"schedules": [nightly(params={"times": "three"})]}, InvalidProject),
        ({"schedules": [nightly(), nightly()]}, InvalidProject),
        ({"triggers": [tp.On(dataset="flights", pipeline="trian")]}, NotFound),
        ({"triggers": [tp.On(dataset="a"), tp.On(dataset="a")]}, InvalidProject),
    ],
)
def test_what_can_not_start_anything_is_refused(fields: dict[str, Any], error: type[Exception]):
    with pytest.raises(error):
        project(**fields)
