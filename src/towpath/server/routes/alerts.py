"""Alerts: reading one, and what people do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar.params import FromPath, JSONBody

from towpath.core.durations import parse_duration
from towpath.operate.monitoring.attending import acknowledge, resolve, snooze
from towpath.server.resources.monitors import Alert, AlertDetail, Resolution, Snooze
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.routes.writing import Actor, write
from towpath.server.views import monitors

if TYPE_CHECKING:
    from towpath.server.contract import Services

_ALERT = "/alerts/{name:str}"


@read(_ALERT, tag="operations")
def show_alert(services: Given, name: FromPath[str]) -> AlertDetail:
    """Show an alert: what stood out and by how much, since when, what it cost and what it led to."""
    with services.ledger.read() as tx:
        return monitors.get_alert(tx, name)


@write(f"{_ALERT}/acknowledge", tag="operations")
def acknowledge_alert(services: Given, name: FromPath[str], actor: Actor) -> Alert:
    """Say that somebody sees to it, so that it is not escalated."""
    with services.ledger.write(actor=actor) as tx:
        acknowledge(tx, name, by=actor)
    return _alert(services, name)


@write(f"{_ALERT}/snooze", tag="operations")
def snooze_alert(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[Snooze]
) -> Alert:
    """Hear nothing of it for a while; further alarms are counted, and start nothing."""
    span = parse_duration(data.span)
    with services.ledger.write(actor=actor) as tx:
        snooze(tx, name, by=actor, span=span, now=services.clock.now())
    return _alert(services, name)


@write(f"{_ALERT}/resolve", tag="operations")
def resolve_alert(
    services: Given, name: FromPath[str], actor: Actor, data: JSONBody[Resolution]
) -> Alert:
    """End it; the monitor's next alarm is a new alert."""
    with services.ledger.write(actor=actor) as tx:
        resolve(tx, name, by=actor, why=data.why)
    return _alert(services, name)


def _alert(services: Services, name: str) -> Alert:
    with services.ledger.read() as tx:
        return next(one for one in monitors.list_alerts(tx) if one.id == name)


HANDLERS = [show_alert, acknowledge_alert, snooze_alert, resolve_alert]
