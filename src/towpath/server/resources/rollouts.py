"""Rollouts: how a challenger earned its share, look by look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutLook:
    """What one look at the evidence saw and decided.

    Attributes:
        harm: Estimated challenger-minus-champion loss; above zero is worse.
        lower: Lower end of the always-valid confidence sequence.
        upper: Upper end.
        margin: What the upper end must fall below to leave this stage.
        decision: `hold`, `advance`, `promote`, `roll_back`, …
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSummary:
    """A rollout as lists show it.

    Attributes:
        phase: `new`, `running` or `done`.
        outcome: `promoted`, `rolled_back`, `superseded`, or None while it runs.
        weight: The challenger's share now.
    """

    name: str
    project: str
    environment: str
    service: str
    champion: str
    challenger: str
    phase: str
    outcome: str | None
    stages: list[float]
    stage: int
    weight: float
    metric: str
    margin: float
    started_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutDetail(RolloutSummary):
    """A rollout with every look at the evidence, oldest first.

    Attributes:
        reason: Why it did last what it did, in words.
        since: Event time at which it began; `ended` at which it ended.
    """

    alpha: float
    max_duration: str
    on_timeout: str
    reason: str
    since: datetime | None
    ended: datetime | None
    history: list[RolloutLook]
    evidence: Json
