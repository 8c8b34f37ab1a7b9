"""Rollouts: how a challenger earned its share, look by look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from towpath.server.resources.base import Json

Why = Annotated[str, Meta(max_length=500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutOrder:
    """What a person orders of a rollout.

    Attributes:
        order: `pause`, `resume`, `promote` or `roll_back`.
        why: For the record; nothing personal.
    """

    order: str
    why: Why = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPause:
    """A pause that is under way, and who ordered it."""

    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutBounds:
    """The bounds of one harm at one look; an end that nothing bounds yet is None."""

    name: str
    harm: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutReading:
    """What is known of one harm now.

    Attributes:
        name: What it is the harm in: the metric, `errors`, `latency p99`, `signal NAME`, …
        role: `required`: to be proved harmless; `guard`: can only stop.
        unit: Of harm and margin; empty for shares and losses.
        n_champion: Rows that it rests on.
        facts: What was counted, in words.
    """

    name: str
    role: str
    unit: str
    margin: float
    harm: float | None
    lower: float | None
    upper: float | None
    n_champion: int
    n_challenger: int
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutLook:
    """What one look at the evidence saw and decided.

    Attributes:
        harm: Estimated challenger-minus-champion loss; above zero is worse.
        lower: Lower end of the always-valid confidence sequence.
        upper: Upper end.
        margin: What the upper end must fall below to leave this stage.
        decision: `hold`, `advance`, `promote`, `roll_back`, …
        answers: Answers that had been seen, labelled or not.
        paused: Whether a pause was under way.
        readings: The bounds of every harm.
    """

    at: datetime
    stage: int
    n_champion: int
    n_challenger: int
    harm: float | None
    lower: float | None
    upper: float | None
    margin: float | None
    decision: str
    answers: int
    paused: bool
    readings: list[RolloutBounds]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSummary:
    """A rollout as lists show it.

    Attributes:
        phase: `new`, `running` or `done`.
        outcome: `promoted`, `rolled_back`, `superseded`, or None while it runs.
        weight: The challenger's share now.
        metric: The loss that is compared; empty where outcomes never come back.
        paused: The pause that is under way, if one is.
    """

    name: str
    project: str
    environment: str
    service: str
    strategy: str
    champion: str
    challenger: str
    phase: str
    outcome: str | None
    stages: list[float]
    stage: int
    weight: float
    metric: str
    margin: float
    paused: RolloutPause | None
    started_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutDetail(RolloutSummary):
    """A rollout with every look at the evidence, oldest first.

    Attributes:
        reason: Why it did last what it did, in words.
        readings: What is known of each harm, the required ones first.
        callers: Different callers of champion and challenger at this stage.
        ratio_e_value: Evidence against the callers having been split as they should; at
            `ratio_limit` the rollout ends.
        since: Event time at which it began; `ended` at which it ended.
    """

    alpha: float
    max_duration: str
    on_timeout: str
    reason: str
    since: datetime | None
    ended: datetime | None
    history: list[RolloutLook]
    readings: list[RolloutReading]
    callers: list[int]
    ratio_e_value: float
    ratio_limit: float
    evidence: Json
