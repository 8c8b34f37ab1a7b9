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
    from towpath.server.resources.releases import TrafficSeries
    from towpath.trace.erasure.contract import Erasure

_EVENTS = 14
_NOTABLE = (
    "version.committed",
    "version.revised",
    "version.moved",
    "run.finished",
    "intent.moved",
    "route.changed",
    "alert.raised",
    "trigger.answered",
    "rollout.advanced",
    "rollout.promoted",
    "rollout.rolled_back",
    "rollout.superseded",
    "erasure.suppressed",
    "decision.read",
    "subject.read",
)
_ALERTS = 5


def overview(
    tx: Transaction,
    *,
    environment: str,
    now: datetime,
    traffic: list[TrafficSeries],
    erasures: list[Erasure],
) -> Overview:
    """Return the loop's stations, live traffic, open roll-outs, alarms and the newest events."""
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
        rollouts=running,
        alerts=alerts[:_ALERTS],
        events=[
            log_event(one)
            for one in tx.events.read(limit=_EVENTS, types=_NOTABLE, newest_first=True)
        ],
    )
