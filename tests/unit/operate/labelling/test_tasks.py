"""What follows from what people said: the rules of one task, without a ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.operate.labelling import LabelQueue
from towpath.operate.labelling.spec import QueueSpec
from towpath.operate.labelling.tasks import Answer, TaskState, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def queue(annotators: int = 2, agreement: Any = "all") -> QueueSpec:
    labels = ["a", "b", "c"]
    declared = LabelQueue(
        "q", service="s", labels=labels, annotators=annotators, agreement=agreement
    )
    return declared.spec


def said(*labels: str | None) -> TaskState:
    """A state in which one person after another said something; None passes."""
    state = TaskState()
    for at, label in enumerate(labels):
        value = None if label is None else float("abc".index(label))
        answer = Answer(label=label, value=value, at=NOW + timedelta(minutes=at))
        state = state.answered(f"p{at}", answer)
    return state


@pytest.mark.parametrize(
    ("annotators", "agreement", "labels", "phase"),
    [
        (1, "all", "", "open"),
        (1, "all", "a", "settled"),
        (2, "all", "a", "open"),
        (2, "all", "aa", "settled"),
        (2, "all", "ab", "disputed"),
        (3, "all", "aab", "disputed"),
        (3, "majority", "aab", "settled"),
        (3, "majority", "abc", "disputed"),
        (2, "majority", "ab", "disputed"),
        (4, "majority", "aabb", "disputed"),
        (4, "majority", "aaab", "settled"),
        (3, "majority", "aa", "open"),
        (2, "all", "a.", "open"),
        (2, "all", "..", "disputed"),
        (1, "all", ".", "disputed"),
        (2, "all", "a.a", "settled"),
        (2, "all", ".a.", "disputed"),
    ],
)
def test_where_answers_leave_a_task(
    annotators: int, agreement: str, labels: str, phase: str
) -> None:
    state = said(*(None if label == "." else label for label in labels))
    assert state.phase(queue(annotators, agreement)) == phase


def test_the_most_frequent_label_counts_and_the_verdict_above_all() -> None:
    state = said("b", "a", "a")
    assert (state.label, state.value, state.settled_by) == ("a", 0.0, "agreement")
    assert state.known_at == NOW + timedelta(minutes=2)
    verdict = Verdict(adjudicator="judge", label="c", value=2.0, at=NOW + timedelta(hours=1))
    ruled = state.ruled(verdict)
    assert (ruled.label, ruled.value, ruled.settled_by) == ("c", 2.0, "adjudication")
    assert ruled.known_at == NOW + timedelta(hours=1)
    assert ruled.phase(queue(3)) == "settled"
    struck = state.ruled(Verdict(adjudicator="judge", label=None, value=None, at=NOW))
    assert (struck.label, struck.phase(queue(3))) == (None, "settled")


def test_an_objection_opens_what_was_settled_and_a_verdict_closes_it() -> None:
    state = said("a", "a")
    objection = Answer(label="a", value=0.0, at=NOW, comment="sealed")
    contested = state.contested_by("p0", objection)
    assert contested.phase(queue()) == "disputed"
    assert contested.votes == ["a", "a"]
    ruled = contested.ruled(Verdict(adjudicator="j", label="b", value=1.0, at=NOW))
    assert ruled.phase(queue()) == "settled"
    assert ruled.without("j").phase(queue()) == "disputed"


def test_a_changed_mind_replaces_the_answer() -> None:
    state = said("a", "b").answered("p0", Answer(label="b", value=1.0, at=NOW))
    assert (state.votes, state.phase(queue())) == (["b", "b"], "settled")


def test_a_place_is_kept_while_the_lease_lasts_and_no_longer() -> None:
    spec = queue(annotators=2)
    lent = TaskState().lent("ann", NOW + timedelta(minutes=10), NOW)
    assert lent.has_place("bob", spec, NOW)
    both = lent.lent("bob", NOW + timedelta(minutes=10), NOW)
    assert not both.has_place("cy", spec, NOW)
    assert both.has_place("ann", spec, NOW)
    later = NOW + timedelta(minutes=11)
    assert both.has_place("cy", spec, later)
    assert both.lent("cy", later + timedelta(minutes=10), later).leases.keys() == {"cy"}


def test_an_answer_takes_a_place_and_a_skip_gives_it_back() -> None:
    spec = queue(annotators=2)
    assert said("a").has_place("new", spec, NOW)
    assert not said("a", "b").has_place("new", spec, NOW)
    assert said("a", None).has_place("new", spec, NOW)


def test_the_time_since_when_it_is_settled_begins_anew_after_a_dispute() -> None:
    spec = queue(annotators=2)
    settled = said("a", "a").at_rest(spec, NOW)
    assert settled.settled == NOW
    assert settled.at_rest(spec, NOW + timedelta(hours=1)).settled == NOW
    undone = settled.without("p1").at_rest(spec, NOW + timedelta(hours=2))
    assert undone.settled is None


@given(st.lists(st.sampled_from(["a", "b", None]), max_size=6), st.integers(1, 4))
def test_taking_an_answer_back_leads_to_where_it_was(
    labels: list[str | None], annotators: int
) -> None:
    spec, before = queue(annotators), said(*labels)
    answer = Answer(label="c", value=2.0, at=NOW)
    again = before.answered("late", answer).without("late")
    assert (again.phase(spec), again.votes) == (before.phase(spec), before.votes)
