"""Which decisions are recorded, and what of their inputs."""

from __future__ import annotations

from typing import Any

import pytest

from towpath.core.errors import InvalidProject, TowpathError
from towpath.operate.decisions import Bucket, Decision, DecisionIds, Logging, LoggingPolicy

IDS = DecisionIds()


def hashed(field: str, value: str) -> str:
    return f"<{field}={value}>"


def policy(**declared: Any) -> LoggingPolicy:
    return LoggingPolicy("board", Logging(**declared), hashed)


def decision(**fields: Any) -> Decision:
    values: dict[str, Any] = {
        "decision_id": IDS.next(),
        "at_us": 0,
        "recorded_us": 0,
        "service": "board",
        "release": "release:production@1",
        "model": "model:late@1",
        "arm": "champion",
    }
    return Decision(**(values | fields))


def test_everything_is_kept_as_it_is_unless_something_else_is_declared() -> None:
    whole = decision(inputs={"email": "a@b"})
    assert policy().admitted([whole]) == [whole]


def test_sample_is_drawn_in_its_share_and_its_weights_add_up_to_the_traffic() -> None:
    kept = policy(sample=0.25).admitted([decision() for _ in range(8000)])
    assert {one.kept for one in kept} == {0.25}
    total = sum(1 / one.kept for one in kept)
    assert abs(total - 8000) < 4 * (8000 * 0.75 / 0.25) ** 0.5


def test_retry_and_another_gateway_draw_the_same() -> None:
    keys = [f"order-{n}" for n in range(200)]
    one, other = policy(sample=0.5), policy(sample=0.5)
    first = {d.key for d in one.admitted([decision(key=key) for key in keys])}
    again = {d.key for d in other.admitted([decision(key=key) for key in keys])}
    assert first == again
    assert 60 < len(first) < 140
    smaller = policy(sample=0.2).admitted([decision(key=key) for key in keys])
    assert {d.key for d in smaller} < first


def test_services_draw_apart() -> None:
    decisions = [decision(key=f"order-{n}") for n in range(400)]
    mine = LoggingPolicy("a", Logging(sample=0.5), hashed).admitted(decisions)
    others = LoggingPolicy("b", Logging(sample=0.5), hashed).admitted(decisions)
    both = {d.key for d in mine} & {d.key for d in others}
    assert 60 < len(both) < 140


def test_by_subject_keeps_all_decisions_of_a_person_or_none() -> None:
    people = [f"{n:032x}" for n in range(100)]
    kept = policy(sample=0.5, by="subject").admitted(
        [decision(subject=person, key=f"{n}") for person in people for n in range(3)]
    )
    counts = {person: sum(one.subject == person for one in kept) for person in people}
    assert set(counts.values()) == {0, 3}


def test_rollouts_are_whole_and_errors_too_unless_they_need_not_be() -> None:
    failed = [decision(status="error", error="ValueError") for _ in range(50)]
    trials = [decision(rollout="board.2", stage=0) for _ in range(50)]
    plain = [decision() for _ in range(50)]
    kept = policy(sample=0.01).admitted([*failed, *trials, *plain])
    assert kept[:100] == [*failed, *trials]
    assert {one.kept for one in kept[:100]} == {1.0}
    fewer = policy(sample=0.01, always=()).admitted([*failed, *trials])
    assert fewer[-50:] == trials
    assert len(fewer) < 60


def test_inputs_are_redacted_before_anything_is_written() -> None:
    redact = {"email": "drop", "ip": "hash", "age": Bucket(10), "income": Bucket(0.5)}
    (kept,) = policy(redact=redact).admitted(
        [
            decision(
                status="error",
                error="ValueError",
                inputs={"email": "a@b", "ip": "::1", "age": 37, "income": 1.7, "hops": 2},
            )
        ]
    )
    assert kept.inputs == {"ip": "<input:ip=::1>", "age": 30, "income": 1.5, "hops": 2}
    (missing,) = policy(redact=redact).admitted(
        [decision(inputs={"email": None, "ip": None, "age": None, "income": "a@b"})]
    )
    assert missing.inputs == {"ip": None, "age": None, "income": None}


@pytest.mark.parametrize(
    "declared",
    [
        {"sample": 0},
        {"sample": 1.5},
        {"by": "person"},
        {"always": ("labels",)},
        {"redact": {"email": "rot13"}},
        {"redact": {"age": Bucket(0)}},
        {"redact": {"age": Bucket(float("nan"))}},
        {"keep_for": "for ever"},
    ],
)
def test_what_can_not_be_carried_out_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(TowpathError):
        Logging(**declared)


def test_declaration_survives_the_ledger() -> None:
    declared = Logging(
        sample=0.1,
        by="subject",
        always=("errors",),
        redact={"email": "drop", "age": Bucket(10)},
        keep_for="90d",
    )
    assert Logging.of_spec(declared.to_spec()) == declared
    assert Logging.of_spec(None) == Logging()
    with pytest.raises(InvalidProject):
        Logging.of_spec({**declared.to_spec(), "sample": 2})
