"""The loop at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.events import LogEvent
from towpath.server.resources.monitors import Alert
from towpath.server.resources.releases import ServiceTraffic, TrafficSeries
from towpath.server.resources.rollouts import RolloutSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStage:
    """One station of the loop.

    Attributes:
        key: `data`, `build`, `gate`, `release`, `serve`, `watch`, `trace` or `erase`.
        headline: The one number or word that matters.
        detail: One line beneath it.
        state: `idle`, `active`, `good`, `warn` or `bad`.
        at: When it last moved.
    """

    key: str
    title: str
    headline: str
    detail: str
    state: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything the first page shows, read in one snapshot.

    Attributes:
        rollouts: The newest, whether they are under way or not.
        alerts: The newest.
        events: The newest that people care about.
    """

    event_time: datetime
    stages: list[LoopStage]
    services: list[ServiceTraffic]
    traffic: list[TrafficSeries]
    rollouts: list[RolloutSummary]
    alerts: list[Alert]
    events: list[LogEvent]
