"""A project's own gate is asked like ours, and named where it does not keep its promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from towpath.build.gates import Finding, Trial
from towpath.build.gates.asking import ask
from towpath.core.digests import canonical_json
from towpath.core.errors import InvalidProject, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

TRIAL = Trial(
    task="binary",
    outcome=np.array([0.0, 1.0, 1.0]),
    challenger=np.array([0.1, 0.9, 0.4]),
    rows=pl.DataFrame({"group": ["a", "b", "a"]}),
)


@dataclass(frozen=True)
class Own:
    """A gate as a project may have one."""

    judge: Callable[[Trial], Any]
    name: str = "own"


def finding(verdict: Any = "pass", **evidence: Any) -> Finding:
    return Finding(gate="own", verdict=verdict, summary="fine", evidence=evidence)


def test_numbers_of_numpy_become_evidence_that_can_be_signed() -> None:
    said = {"share": np.float64(0.25), "rows": np.int64(3), "met": np.bool_(True)}
    found = ask(Own(lambda _: finding(**said, groups={"a": [np.float32(0.5)]})), TRIAL)
    assert found.evidence == {"share": 0.25, "rows": 3, "met": True, "groups": {"a": [0.5]}}
    canonical_json(found.evidence)


def test_a_gate_sees_the_rows_that_were_scored() -> None:
    def judge(trial: Trial) -> Finding:
        assert trial.rows is not None
        mean = trial.challenger[trial.rows["group"].to_numpy() == "a"].mean()
        return finding(mean=mean)

    assert ask(Own(judge), TRIAL).evidence == {"mean": 0.25}


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (lambda trial: trial.rows["race"], "'own' can't judge: ColumnNotFoundError"),
        (lambda _: finding(1 / 0), "'own' can't judge: ZeroDivisionError"),
        (lambda _: finding("passed"), "'own' gives 'passed'"),
        (lambda _: True, "'own' gives 'bool'"),
        (lambda trial: finding(rows=trial.rows), "can't be kept: it holds a DataFrame"),
    ],
)
def test_a_gate_that_breaks_is_named(judge: Callable[[Trial], Any], said: str) -> None:
    with pytest.raises(InvalidProject, match=said) as caught:
        ask(Own(judge), TRIAL)
    assert caught.value.remedy


def test_what_an_error_of_ours_says_stays() -> None:
    def judge(_: Trial) -> Finding:
        raise NotFound("there is no metric 'auc'", remedy="Did you mean 'roc_auc'?")

    with pytest.raises(NotFound, match="no metric"):
        ask(Own(judge), TRIAL)
