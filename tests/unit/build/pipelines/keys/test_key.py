from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from towpath.build.pipelines.keys import StepKey, call_key, explain_miss, step_parts
from towpath.ledger.records import Execution


def key(**changes: Any) -> StepKey:
    given: dict[str, Any] = {
        "step": "flights.fit",
        "code": {"code:flights.fit": "c0"},
        "params": {"leaves": 31},
        "inputs": {"rows": "a" * 64},
        "outputs": ["towpath.Model model/1"],
        "lock": "l0",
        "files": {"rows.sql": "f0"},
        "env": {"REGION": "eu"},
        "seed": 0,
    }
    given |= changes
    calls = {name: given.pop(name) for name in ("params", "inputs")}
    return call_key(step_parts(**given), **calls)


def execution(of: StepKey) -> Execution:
    return Execution(
        key=of.digest,
        step="flights.fit",
        parts=dict(of.parts),
        state="done",
        run_id="0" * 32,
        outputs={},
        fence=1,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


CHANGES = [
    ({"step": "flights.train"}, "its name"),
    ({"code": {"code:flights.fit": "c1"}}, "code of flights.fit"),
    ({"params": {"leaves": 32}}, "parameter leaves"),
    ({"params": {"leaves": 31.0}}, "parameter leaves"),
    ({"params": {"leaves": "31"}}, "parameter leaves"),
    ({"inputs": {"rows": "b" * 64}}, "input rows"),
    ({"inputs": {"rows": ["a" * 64]}}, "input rows"),
    ({"outputs": ["towpath.Model model/2"]}, "the format of its result"),
    ({"lock": "l1"}, "the installed packages"),
    ({"files": {"rows.sql": "f1"}}, "file rows.sql"),
    ({"env": {"REGION": "us"}}, "environment variable REGION"),
    ({"env": {"REGION": None}}, "environment variable REGION"),
    ({"seed": 1}, "the seed"),
    ({"seed": None}, "the seed"),
]


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_each_component_makes_another_key_and_is_named(change: dict[str, Any], why: str) -> None:
    before, after = key(), key(**change)

    assert after.digest != before.digest
    assert explain_miss(after.parts, execution(before)) == f"changed: {why}"


def test_equal_components_make_equal_keys() -> None:
    assert key() == key()


def test_a_miss_says_what_came_and_went() -> None:
    after = key(code={"code:flights.fit": "c0", "code:helpers": "h0"}, files={})

    assert explain_miss(after.parts, execution(key())) == (
        "changed: code of helpers (new), file rows.sql (gone)"
    )


def test_a_long_list_of_reasons_is_cut() -> None:
    after = key(code={f"code:m{n}": "x" for n in range(9)})

    assert explain_miss(after.parts, execution(key())).endswith("and 6 more")


def test_the_first_run_and_a_lost_result_are_told_apart() -> None:
    assert explain_miss(key().parts, None) == "it has never run"
    assert explain_miss(key().parts, execution(key())) == "its result is gone from the store"


def test_inputs_are_held_as_they_are_so_that_an_erasure_finds_them() -> None:
    assert key().parts["input:rows"] == "a" * 64
