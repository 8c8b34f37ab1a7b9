"""A monitor that can't be carried out is refused where it is written."""

from __future__ import annotations

import dataclasses

import pytest

from towpath.core.errors import InvalidName, InvalidProject, NotFound
from towpath.operate.monitoring import Drift, Performance


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"window": "5h"}, InvalidProject),
        ({"season": "month"}, InvalidProject),
        ({"numbers": "tv"}, InvalidProject),
        ({"categories": "ks"}, InvalidProject),
        ({"threshold": 0.0}, InvalidProject),
        ({"window": "often"}, InvalidName),
        ({"fdr": 0}, InvalidProject),
        ({"run_length": 1}, InvalidProject),
        ({"name": "My Drift"}, InvalidName),
    ],
)
def test_drift_refuses_what_makes_no_sense(fields: dict[str, object], error: type[Exception]):
    with pytest.raises(error):
        Drift(**fields)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"metric": "roc_auc"}, NotFound),
        ({"metric": "brier", "maturity": "later"}, InvalidName),
        ({"metric": "brier", "window": "0d"}, InvalidName),
        ({"metric": "brier", "tolerance": -1}, InvalidProject),
        ({"metric": "brier", "run_length": 0}, InvalidProject),
    ],
)
def test_performance_refuses_what_makes_no_sense(fields: dict[str, object], error: type[Exception]):
    with pytest.raises(error):
        Performance(**fields)


@pytest.mark.parametrize("monitor", [Drift(features=["wind"]), Performance("brier", window="6h")])
def test_it_comes_back_from_an_intents_spec(monitor: Drift | Performance):
    spec = {**dataclasses.asdict(monitor), "service": "board", "kind": monitor.kind}
    assert type(monitor).from_spec(spec) == monitor
