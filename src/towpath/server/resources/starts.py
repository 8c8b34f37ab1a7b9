"""What starts runs: schedules, triggers, backfills, and the runs that wait for a worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAnswer:
    """What became of one moment, version, alert or event.

    Attributes:
        at: Event time: the moment itself, or when the rest was answered.
        what: What was answered: empty for a moment, else a version, an alert, an event's key.
        verdict: `started`, `skipped`, `running`, `cooling`, `paused` or `failed`.
        why: One line.
    """

    at: datetime
    what: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSchedule:
    """A pipeline, and when it runs.

    Attributes:
        tz: The time zone that `cron` is meant in; times here are in UTC all the same.
        state: `watching` or `paused`.
        coming: Event times of the next moments, soonest first.
        params: Parameters that differ from the defaults.
        answers: What became of the last moments, newest first.
    """

    name: str
    project: str
    pipeline: str
    cron: str
    tz: str
    catch_up: bool
    state: str
    coming: list[datetime]
    params: dict[str, str]
    answers: list[StartAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrigger:
    """Something that starts a pipeline when it happens.

    Attributes:
        kind: `dataset`, `erasure`, `alert` or `event`: what it waits for.
        on: Which: the data set, the monitors, or the event's type.
        source: Only events from there; empty for any.
        pipeline: Empty where what happens decides.
        cooldown: Event time after a start in which nothing else is started, as it was written.
        state: `watching` or `paused`.
        waiting: A version that waits for a run to end, if one does.
        started: Event time of the last start.
        answers: What became of the last news, newest first.
    """

    name: str
    project: str
    kind: str
    on: str
    source: str
    pipeline: str
    cooldown: str | None
    state: str
    waiting: str | None
    started: datetime | None
    answers: list[StartAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillSummary:
    """A pipeline that is run once for each window of a stretch of event time.

    Attributes:
        phase: `new`, `running`, `done`, `failed` or `cancelled`.
        windows: How many there are.
        counts: How many of them are in each phase of a run; `pending` ones were not started yet.
    """

    name: str
    project: str
    pipeline: str
    phase: str
    since: datetime
    until: datetime
    every_s: float
    parallel: int
    windows: int
    counts: dict[str, int]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillWindow:
    """One window of a backfill that was started.

    Attributes:
        phase: `new`, `running`, `done`, `refused`, `failed` or `cancelled`.
        run: Id of its run, once it ended.
    """

    since: datetime
    until: datetime
    phase: str
    run: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillDetail(BackfillSummary):
    """A backfill with the windows that were started, in order."""

    started: list[BackfillWindow]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """A run that somebody wants and that is not over.

    Attributes:
        phase: `new` while it waits for a worker, `running`, …
        reason: What asked for it: `schedule:NAME`, `backfill:NAME`, `trigger:WHAT`, `manual`.
        at: Event time that it is planned for; None: when it begins.
        blocker: What it waits for besides a free worker, in one line; empty where nothing is known.
        asked_at: Wall time of the request.
    """

    name: str
    project: str
    pipeline: str
    phase: str
    reason: str
    at: datetime | None
    blocker: str
    asked_at: datetime
