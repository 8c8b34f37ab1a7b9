"""Monitors: what they measured per window, and the alerts they raised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json, Point


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFeature:
    """A feature to blame for an alert."""

    name: str
    statistic: str
    value: float | None
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A monitor's alarm.

    Attributes:
        led_to: Pipeline runs that it started.
        answers: What the project's triggers made of it, in words.
    """

    id: str
    monitor: str
    kind: str
    service: str
    project: str
    model: str
    at: datetime
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
        kind: `drift` or `performance`.
        watermark: Event time up to which windows are done.
        windows: How many windows it has seen.
        alerts: How many alarms it has raised.
        firing: Whether the newest window raised one.
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
