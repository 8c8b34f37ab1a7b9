"""One task: what it asks, who has a place at it, what was said, and what follows from that.

Everything here is a plain function of a state, so that each rule can be tested without a ledger.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any, Self

import msgspec

if TYPE_CHECKING:
    from towpath.ledger.records import Intent
    from towpath.operate.labelling.records import Settlement, TaskPhase
    from towpath.operate.labelling.spec import QueueSpec


class TaskSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a task asks.

    Attributes:
        at: Event time of the decision.
        subject: Keyed hash of whom it is about, if anybody.
        day: Event time at which the day begins that it was drawn from.
        rank: Its place among the tasks of that day, from 0: lower is more wanted.
        weight: How many decisions it stands for, where it was drawn at random.
    """

    queue: str
    decision_id: str
    at: datetime
    model: str
    subject: str | None
    day: datetime
    rank: int
    weight: float | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said.

    Attributes:
        value: The label's number when it was given; a queue's labels may change.
        comment: Sealed: only the keyring reads it.
    """

    label: str | None
    value: float | None
    at: datetime
    comment: str | None = None
    spent_s: float | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an adjudicator decided; a `label` of None leaves the decision without one."""

    adjudicator: str
    label: str | None
    value: float | None
    at: datetime
    comment: str | None = None


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """What was said so far.

    Attributes:
        answers: By annotator, in the order of speaking.
        leases: Wall time until which somebody who was shown the item has a place.
        verdict: An adjudicator's word; it stands above the answers.
        contested: Whether the label was settled once, and somebody objected.
        settled: Wall time since when there is a label (or the word that there is none).
    """

    answers: dict[str, Answer] = {}
    leases: dict[str, datetime] = {}
    verdict: Verdict | None = None
    contested: bool = False
    settled: datetime | None = None

    @property
    def votes(self) -> list[str]:
        """The labels that were given, in the order of speaking."""
        return [one.label for one in self.answers.values() if one.label is not None]

    @property
    def skips(self) -> int:
        """How many passed."""
        return len(self.answers) - len(self.votes)

    @property
    def label(self) -> str | None:
        """The label as of now: the verdict's, else the most frequent, the first given among equals."""
        if self.verdict is not None:
            return self.verdict.label
        votes = self.votes
        return Counter(votes).most_common(1)[0][0] if votes else None

    @property
    def value(self) -> float | None:
        """The label's number."""
        if self.verdict is not None:
            return self.verdict.value
        return next((one.value for one in self.answers.values() if one.label == self.label), None)

    @property
    def known_at(self) -> datetime:
        """Event time of the word that settled it."""
        spoken = [one.at for one in self.answers.values()]
        return max(spoken) if self.verdict is None else self.verdict.at

    @property
    def settled_by(self) -> Settlement:
        """How the label came about."""
        return "agreement" if self.verdict is None else "adjudication"

    def is_word_of(self, person: str) -> bool:
        """Tell whether what stands is somebody's own: their verdict, or their answer without one."""
        if self.verdict is not None:
            return self.verdict.adjudicator == person
        return person in self.answers

    def has_lease(self, annotator: str, now: datetime) -> bool:
        """Tell whether somebody's place is kept for them."""
        until = self.leases.get(annotator)
        return until is not None and until > now

    def has_place(self, annotator: str, spec: QueueSpec, now: datetime) -> bool:
        """Tell whether somebody who has not answered may: others leave one place at least."""
        if self.has_lease(annotator, now):
            return True
        waiting = {
            name
            for name in self.leases
            if name not in self.answers and name != annotator and self.has_lease(name, now)
        }
        return len(self.votes) + len(waiting) < spec.annotators

    def lent(self, annotator: str, until: datetime, now: datetime) -> Self:
        """Keep a place for somebody; leases that have lapsed are forgotten."""
        leases = {name: at for name, at in self.leases.items() if at > now}
        return msgspec.structs.replace(self, leases={**leases, annotator: until})

    def answered(self, annotator: str, answer: Answer) -> Self:
        """Take an answer in; an earlier one of the same person is replaced."""
        answers = {name: one for name, one in self.answers.items() if name != annotator}
        leases = {name: at for name, at in self.leases.items() if name != annotator}
        return msgspec.structs.replace(self, answers={**answers, annotator: answer}, leases=leases)

    def ruled(self, verdict: Verdict) -> Self:
        """Take an adjudicator's word."""
        return msgspec.structs.replace(self, verdict=verdict)

    def contested_by(self, annotator: str, answer: Answer) -> Self:
        """Take an objection in: what was settled is open to an adjudicator again."""
        state = self.answered(annotator, answer)
        return msgspec.structs.replace(state, verdict=None, contested=True)

    def without(self, annotator: str) -> Self:
        """Take back an answer, or one's own verdict."""
        if self.verdict is not None:
            return msgspec.structs.replace(self, verdict=None)
        answers = {name: one for name, one in self.answers.items() if name != annotator}
        return msgspec.structs.replace(self, answers=answers)

    def phase(self, spec: QueueSpec) -> TaskPhase:
        """Return where this leaves the task."""
        votes = self.votes
        if self.verdict is not None:
            return "settled"
        if self.contested:
            return "disputed"
        if len(votes) >= spec.annotators:
            most = Counter(votes).most_common(1)[0][1]
            needed = len(votes) if spec.agreement == "all" else len(votes) // 2 + 1
            return "settled" if most >= needed else "disputed"
        return "disputed" if self.skips >= spec.annotators else "open"

    def at_rest(self, spec: QueueSpec, now: datetime) -> Self:
        """Return the state with the time since when it is settled, if it is."""
        if self.phase(spec) != "settled":
            return msgspec.structs.replace(self, settled=None)
        return msgspec.structs.replace(self, settled=self.settled or now)

    def to_json(self) -> dict[str, Any]:
        """Return what the intent's status holds."""
        return msgspec.to_builtins(self)


def asked(task: Intent) -> TaskSpec:
    """Read what a task's intent asks."""
    return msgspec.convert(task.spec, TaskSpec)


def said(task: Intent) -> TaskState:
    """Read what was said so far."""
    return msgspec.convert(task.status, TaskState)


def order_of_asking(task: Intent, state: TaskState) -> tuple[int, str, int, str]:
    """Sort key: what somebody has begun is completed first, then by day, most wanted first."""
    return -len(state.votes), task.spec["day"], task.spec["rank"], task.name
