"""Recorded decisions, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One recorded decision, and what became of it.

    Attributes:
        at: Event time; `recorded` is wall time.
        subject: Keyed hash.
        weight: How many decisions it stands for, where the service records a sample.
        inputs: Column to value, as the service's declaration lets them be recorded.
        outputs: Output to value; empty when the model failed.
        label: What turned out to be true, if anybody has said so.
        signals: What customers did, by name.
    """

    decision_id: str
    at: datetime
    recorded: datetime
    release: str
    model: str
    arm: str
    rollout: str | None
    stage: int | None
    key: str | None
    subject: str | None
    status: str
    error: str | None
    latency_us: int
    weight: float
    service_version: str | None
    inputs: Json
    outputs: Json
    label: float | None
    label_at: datetime | None
    signals: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRows:
    """A page of a service's decisions, newest recorded first.

    Attributes:
        inputs: Names of the inputs that one of them has; `outputs` and `signals` likewise.
        before: Pass this as `before` to read on; None where there are no older ones.
    """

    service: str
    decisions: list[DecisionRow]
    inputs: list[str]
    outputs: list[str]
    signals: list[str]
    before: str | None
