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
class RunAttempt:
    """One try of a step that was tried more than once.

    Attributes:
        run: Its run.
        status: As a run's.
        stopped: Why it was stopped where it did not end by itself: `preempted`, `cancelled`; else empty.
        error: What it met, where it failed.
        seconds: How long it took, or has taken so far (wall time).
    """

    run: str
    status: str
    stopped: str
    error: str | None
    started_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """What `tp.checkpoint` saved last: the next attempt goes on from there.

    Attributes:
        attempt: Which attempt saved it: the pipeline's run, the call, and the attempt's number.
        at: When, by wall time.
    """

    attempt: str
    size_bytes: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail(RunSummary):
    """One execution whole.

    Attributes:
        key: The step cache key, where it has one.
        steps: The executions it consisted of, oldest first; of very many the newest 1,000, and whatever
            fans out.
        truncated: Whether there are more of them.
        used: References of what it read.
        made: References of what it made.
        attempts: All tries of the same call, this one among them, oldest first; empty for a single one.
        saved: What a step's attempts saved last, while it is kept.
    """

    key: str | None
    params: dict[str, str]
    steps: list[RunSummary]
    truncated: bool
    used: list[str]
    made: list[str]
    attempts: list[RunAttempt]
    saved: SavedState | None


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
