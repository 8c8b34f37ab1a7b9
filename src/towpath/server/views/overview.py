"""Everything the first page shows, read in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.server.resources.overview import Overview
from towpath.server.views import stations
from towpath.server.views.events import log_event
from towpath.server.views.monitors import list_alerts, list_monitors
from towpath.server.views.rollouts import list_rollouts
from towpath.server.views.traffic import served_by_model, services_now

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.server.resources.events import LogEvent
    from towpath.server.resources.releases import TrafficSeries
    from towpath.trace.erasure.contract import Erasure

_EVENTS = 14
_EVENTS_READ = 80  # steps are dropped from what is read
_ROLLOUTS = 2
_NOTABLE = (
    "version.committed",
    "version.revised",
    "version.moved",
    "run.started",
    "intent.moved",
    "route.changed",
    "alert.raised",
    "trigger.answered",
    "rollout.advanced",
    "rollout.promoted",
    "rollout.paused",
    "rollout.resumed",
    "rollout.rolled_back",
    "rollout.superseded",
    "erasure.suppressed",
    "decision.read",
    "subject.read",
)
_ALERTS = 3


def overview(
    tx: Transaction,
    *,
    environment: str,
    now: datetime,
    traffic: list[TrafficSeries],
    erasures: list[Erasure],
) -> Overview:
    """Return the loop's stations, live traffic, open rollouts, alarms and the newest events."""
    services = services_now(tx, environment, served_by_model(traffic))
    alerts = list_alerts(tx)
    running = list_rollouts(tx, running=True)
    return Overview(
        event_time=now,
        stages=[
            stations.data(tx),
            stations.build(tx),
            stations.gate(tx),
            stations.release(tx, environment, running),
            stations.serve(services, traffic),
            stations.watch(list_monitors(tx), alerts),
            stations.trace(tx),
            stations.erase(erasures),
        ],
        services=services,
        traffic=traffic,
        rollouts=list_rollouts(tx)[:_ROLLOUTS],
        alerts=alerts[:_ALERTS],
        events=_newest(tx),
    )


def _newest(tx: Transaction) -> list[LogEvent]:
    """Return the newest entries that people care about: no steps, no plumbing."""
    read = tx.events.read(limit=_EVENTS_READ, types=_NOTABLE, newest_first=True)
    return [log_event(one) for one in read if one.payload.get("kind") != "step"][:_EVENTS]
