"""Runs: executions with parameters, metrics, steps and what they read and made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One execution, as lists show it.

    Attributes:
        status: `scheduled`, `running`, `finished`, `failed` or `killed`.
        seconds: How long it took, or has taken so far (wall time).
        cached: Whether a step was answered from the cache.
    """

    id: str
    kind: str
    name: str
    project: str
    status: str
    parent: str | None
    started_at: datetime
    ended_at: datetime | None
    seconds: float
    cached: bool
    error: str | None
    metrics: dict[str, float]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail(RunSummary):
    """One execution whole.

    Attributes:
        key: The step cache key, where it has one.
        steps: The executions it consisted of, oldest first.
        used: References of what it read.
        made: References of what it made.
    """

    key: str | None
    params: dict[str, str]
    steps: list[RunSummary]
    used: list[str]
    made: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReason:
    """Why a step was executed rather than taken from the cache.

    Attributes:
        run: The step's run.
        why: What of its key changed since it was executed last: its code, an input, a parameter.
    """

    run: str
    step: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricHistory:
    """Every point of one metric of one run, by step and time."""

    run: str
    key: str
    points: list[Point]
