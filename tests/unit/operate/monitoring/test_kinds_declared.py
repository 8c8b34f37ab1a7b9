"""Declarations of further monitors survive the ledger, and refuse what can't be meant."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from towpath.core.digests import canonical_json
from towpath.core.errors import InvalidName, InvalidProject, NotFound
from towpath.operate.monitoring import (
    DataQuality,
    Detector,
    EstimatedPerformance,
    Fairness,
    Health,
    Outliers,
    Skew,
    Slices,
)
from towpath.operate.monitoring.watchers import standard_watchers

DECLARED = (
    DataQuality(ranges={"wind": (0, 9)}, max_missing={"load": 0.1}, max_age="6h"),
    Health(max_latency_ms_p99=50, max_cpu=0.9),
    EstimatedPerformance("log_loss", price=2.0, unit="EUR"),
    Slices("brier", features=["wind"], depth=1),
    Fairness("team", metrics=["selection_rate", "log_loss"], min_ratio=0.8),
    Skew("board", entities={"tailnum": "key"}),
    Outliers(examples=2),
    Detector("alibi_detect.cd:KSDrift", options={"p_val": 0.05}),
)


@pytest.mark.parametrize("declared", DECLARED, ids=lambda one: one.kind)
def test_what_comes_back_from_the_ledger_means_the_same(declared: Any):
    spec = msgspec.json.decode(canonical_json(dataclasses.asdict(declared)))
    again = type(declared).from_spec({**spec, "project": "flights", "kind": declared.kind})
    assert canonical_json(dataclasses.asdict(again)) == canonical_json(dataclasses.asdict(declared))


def test_every_kind_has_a_watcher_that_reads_it(sqlite_ledger: Any):
    watchers = standard_watchers(sqlite_ledger, features=object())
    for declared in DECLARED:
        assert watchers[declared.kind].declaration is type(declared)


@pytest.mark.parametrize(
    ("kind", "fields", "error"),
    [
        (DataQuality, {"run_length": 1}, InvalidProject),
        (DataQuality, {"window": "often"}, InvalidName),
        (DataQuality, {"severity": "fatal"}, InvalidProject),
        (DataQuality, {"ranges": {"wind": (9, 0)}}, InvalidProject),
        (DataQuality, {"max_missing": {"wind": 3}}, InvalidProject),
        (Health, {"max_error_rate": 2}, InvalidProject),
        (Health, {"max_latency_ms_p95": 0}, InvalidProject),
        (EstimatedPerformance, {"metric": "roc_auc"}, NotFound),
        (EstimatedPerformance, {"metric": "mae", "method": "guess"}, InvalidProject),
        (EstimatedPerformance, {"metric": "mae", "tolerance": -1}, InvalidProject),
        (Slices, {"metric": "mae", "depth": 3}, InvalidProject),
        (Slices, {"metric": "mae", "min_slice_rows": 2}, InvalidProject),
        (Fairness, {"by": "team"}, InvalidProject),
        (Fairness, {"by": "team", "max_gap": 0.1, "min_ratio": 0.8}, InvalidProject),
        (Fairness, {"by": "team", "max_gap": 0.1, "metrics": ["luck"]}, NotFound),
        (Fairness, {"by": "team", "max_gap": 0.1, "groups": ["red"]}, InvalidProject),
        (Skew, {"features": "board", "max_share": 1.5}, InvalidProject),
        (Detector, {"factory": "os.system('x')"}, InvalidProject),
    ],
)
def test_what_can_not_be_watched_is_refused(
    kind: Any, fields: dict[str, Any], error: type[Exception]
):
    with pytest.raises(error):
        kind(**fields)
