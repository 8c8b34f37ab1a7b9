"""Monitors: what they measured per window, and the alerts they raised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json, Point


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFeature:
    """What stood out: a feature, a metric, a slice, a group.

    Attributes:
        what: Which of its own quantities `before` and `after` are, in words.
        before: That quantity in the reference, or the limit; None where there is none.
        after: The same in the window.
    """

    name: str
    statistic: str
    value: float | None
    p: float | None
    what: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a monitor found, until it is resolved.

    Attributes:
        severity: `info`, `warning` or `critical`.
        state: `open`, `acknowledged`, `snoozed` or `resolved`.
        begun: Since when something of it stood out.
        alarms: How many windows alarmed so far, and the end of the `last` of them.
        rows: Decisions in the first of these windows.
        cost: What it cost so far, in words; empty where nobody knows.
        examples: Decisions that show it, by id.
        by: Who acknowledged, snoozed or resolved it.
        why: Why it was resolved.
        snoozed_until: Event time until which nobody is told.
        led_to: Pipeline runs that it started.
        answers: What the project's triggers made of it, in words.
    """

    id: str
    monitor: str
    kind: str
    service: str
    project: str
    model: str
    severity: str
    state: str
    at: datetime
    begun: datetime | None
    last: datetime | None
    alarms: int
    rows: int
    cost: str
    examples: list[str]
    by: str
    why: str
    snoozed_until: datetime | None
    since: datetime | None
    until: datetime | None
    summary: str
    features: list[AlertFeature]
    led_to: list[str]
    answers: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSummary:
    """A monitor as lists show it.

    Attributes:
        kind: What it watches: `drift`, `performance`, `data_quality`, …
        watermark: Event time up to which windows are done.
        windows: How many windows it has seen.
        alerts: How many alarms it has raised.
        firing: Whether one is not resolved.
        model: The model version it watches now.
        score: The detectors' level after the newest window, in units of the bar: an alarm at 1.
        blind: Why nothing can be judged, where that is so.
    """

    name: str
    project: str
    environment: str
    service: str
    kind: str
    window: str
    watermark: datetime | None
    windows: int
    alerts: int
    firing: bool
    model: str | None
    score: float | None
    blind: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One measurement over the windows' ends, over all model versions watched."""

    key: str
    points: list[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorWindow:
    """One window as the monitor judged it.

    Attributes:
        judged: False when there were too few rows to say anything.
        score: As in `MonitorSummary`, after this window.
        features: What stood out, most unusual first.
    """

    since: datetime | None
    until: datetime | None
    rows: int
    judged: bool
    alarm: bool
    score: float | None
    features: list[AlertFeature]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadBar:
    """Some of a column's values, and how many rows had one of them.

    Attributes:
        label: The level of a category; `missing` for no value; empty for a range, and for the levels
            that have no bar of their own.
        since: Where a range begins, without its own end; None at the open ends.
        until: Where it ends.
        before: Share of the training rows.
        after: Share of the window's.
    """

    label: str
    since: float | None
    until: float | None
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a column was spread in the newest window judged, beside the training rows.

    Attributes:
        ordered: Whether it holds numbers or times; their bars hold about equal shares of the training
            rows.
        distance: As the monitor measured it; `p` how usual that is.
    """

    column: str
    ordered: bool
    distance: float | None
    p: float | None
    bars: list[SpreadBar]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorDetail(MonitorSummary):
    """A monitor with its series and recent windows.

    Attributes:
        spec: Its declaration.
        runs: Runs that hold its measurements, newest first: one per model version it watched.
        series: Every measured key, over event time.
        recent: Windows it judged last, newest first.
        alarms: Alerts it raised, newest first.
    """

    spec: Json
    runs: list[str]
    series: list[Series]
    recent: list[MonitorWindow]
    alarms: list[Alert]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDetail(Alert):
    """An alert with the curves that show it.

    Attributes:
        series: The monitor's measurements of what stood out, over event time, and its score.
    """

    series: list[Series]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """For how long nobody is to be told of an alert.

    Attributes:
        span: A span of event time, such as `1d`.
    """

    span: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Why an alert is over; for the record, so nothing personal."""

    why: str = ""
