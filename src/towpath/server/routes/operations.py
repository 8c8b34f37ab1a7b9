"""The overview, releases and traffic, rollouts, monitors and alerts."""

from __future__ import annotations

from typing import Annotated

from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from towpath.operate.releases import ReleaseChecker
from towpath.operate.rollouts import known_order, order
from towpath.server.resources.monitors import Alert, MonitorDetail, MonitorSummary, Spread
from towpath.server.resources.overview import Overview
from towpath.server.resources.releases import Release, ReleaseDetail, Traffic, TrafficSeries
from towpath.server.resources.rollouts import RolloutDetail, RolloutOrder, RolloutSummary
from towpath.server.routes.given import Below, Given, Limit
from towpath.server.routes.reading import read
from towpath.server.routes.writing import Actor, write
from towpath.server.views import monitors, releases, rollouts, spreads, traffic
from towpath.server.views.overview import overview

_DAY_S = 86_400
BinSeconds = Annotated[
    int, QueryParameter(ge=60, le=30 * _DAY_S, description="Event time per bin.")
]


@read("/overview", tag="operations")
def show_overview(services: Given, bin_s: BinSeconds = _DAY_S) -> Overview:
    """Show the whole loop at a glance."""
    with services.ledger.read() as tx:
        names = sorted(traffic.current_route(tx, services.environment).services)
    series = traffic.count_services(services.traffic, names, bin_s=bin_s)
    erasures = services.erasures.list(limit=100)
    with services.ledger.read() as tx:
        return overview(
            tx,
            environment=services.environment,
            now=services.clock.now(),
            traffic=series,
            erasures=erasures,
        )


@read("/traffic", tag="operations")
def show_traffic(services: Given, bin_s: BinSeconds = _DAY_S) -> Traffic:
    """Show what the environment serves now, in which shares, through which gateways."""
    with services.ledger.read() as tx:
        names = sorted(traffic.current_route(tx, services.environment).services)
    counted = traffic.count_services(services.traffic, names, bin_s=bin_s)
    with services.ledger.read() as tx:
        return traffic.traffic_now(tx, services.environment, traffic.served_by_model(counted))


@read("/traffic/{service:str}", tag="operations")
def show_traffic_series(
    services: Given, service: FromPath[str], bin_s: BinSeconds = _DAY_S
) -> TrafficSeries:
    """Show how a service's decisions were shared between models over event time."""
    counts = services.traffic.count(service, bin_s=bin_s) if services.traffic else []
    return traffic.series_of(service, counts, bin_s)


@read("/releases", tag="operations")
def list_releases(services: Given, below: Below = None, limit: Limit = 200) -> list[Release]:
    """List the environment's releases, newest first, a page at a time."""
    with services.ledger.read() as tx:
        return releases.list_releases(tx, services.environment, below=below, limit=limit)


@read("/releases/{number:int}", tag="operations")
def show_release(
    services: Given, number: FromPath[int], against: FromQuery[int | None] = None
) -> ReleaseDetail:
    """Show what is in a release, whether its contracts hold now, and what it changed."""
    checker = ReleaseChecker(services.keyring, services.clock)
    with services.ledger.read() as tx:
        return releases.get_release(tx, services.environment, number, checker, against=against)


@read("/rollouts", tag="operations")
def list_rollouts(services: Given, service: FromQuery[str | None] = None) -> list[RolloutSummary]:
    """List rollouts, newest first."""
    with services.ledger.read() as tx:
        return rollouts.list_rollouts(tx, service=service)


@read("/rollouts/{name:str}", tag="operations")
def show_rollout(services: Given, name: FromPath[str]) -> RolloutDetail:
    """Show a rollout and every look it took at the evidence."""
    with services.ledger.read() as tx:
        return rollouts.get_rollout(tx, name)


@write("/rollouts/{name:str}/order", tag="operations")
def order_rollout(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[RolloutOrder]
) -> RolloutDetail:
    """Pause, resume, promote or roll back a rollout. The order is recorded; a worker carries it out."""
    with services.ledger.write(actor="server") as tx:
        order(tx, name, known_order(data.order), by=actor, why=data.why)
        return rollouts.get_rollout(tx, name)


@read("/monitors", tag="operations")
def list_monitors(services: Given) -> list[MonitorSummary]:
    """List monitors by name."""
    with services.ledger.read() as tx:
        return monitors.list_monitors(tx)


@read("/monitors/{name:str}/spreads", tag="operations")
def show_spreads(services: Given, name: FromPath[str]) -> list[Spread]:
    """Show how columns were spread in a monitor's newest window, beside the training rows."""
    return spreads.spreads(services.ledger, services.blobs, name)


@read("/monitors/{name:str}", tag="operations")
def show_monitor(services: Given, name: FromPath[str]) -> MonitorDetail:
    """Show a monitor: what it measured per window, and its alarms."""
    with services.ledger.read() as tx:
        return monitors.get_monitor(tx, name)


@read("/alerts", tag="operations")
def list_alerts(services: Given) -> list[Alert]:
    """List alerts, newest first."""
    with services.ledger.read() as tx:
        return monitors.list_alerts(tx)


HANDLERS = [
    show_overview,
    show_traffic,
    show_traffic_series,
    list_releases,
    show_release,
    list_rollouts,
    show_rollout,
    order_rollout,
    list_monitors,
    show_monitor,
    show_spreads,
    list_alerts,
]
