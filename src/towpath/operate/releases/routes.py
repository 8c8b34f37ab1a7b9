"""The environment's route, the one row that gateways follow: read, switched, and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.operate.releases.pins import PLATFORM
from towpath.operate.releases.placing import in_force
from towpath.operate.releases.route import Route, ServiceRoute

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction

LINES: Final = "release_lines"
"""The intent that drains an environment's lines; see `draining`."""


def route_of(tx: Transaction, environment: str) -> Route:
    """Return what the environment's gateways follow; empty before the first deployment."""
    intent = tx.intents.find("route", environment)
    if intent is None:
        return Route(environment=environment)
    return msgspec.convert(intent.spec, Route)


def switch(tx: Transaction, route: Route, reason: str, service: str | None = None) -> None:
    """Put a route in force, and say so of each service whose arms it changes."""
    before = route_of(tx, route.environment)
    known = in_force(tx, route)
    route = _standing_by(tx, msgspec.structs.replace(route, known=known), before)
    spec = put_route(tx, route)
    changed = [name for name, one in route.services.items() if one != before.services.get(name)]
    for name in changed if service is None else [service]:
        tx.events.append(
            "route.changed",
            f"service:{name}",
            environment=route.environment,
            reason=reason,
            release=route.release,
            arms=spec["services"][name]["arms"],
        )
    if before.lines != route.lines:
        tx.events.append(
            "route.changed",
            f"release:{route.environment}",
            environment=route.environment,
            reason=reason,
            lines={str(one.release): list(one.service_versions) for one in route.lines},
        )


def put_route(tx: Transaction, route: Route) -> dict[str, Any]:
    """Replace the row, without a word, and return what it says."""
    spec: dict[str, Any] = msgspec.to_builtins(route)
    tx.intents.put("route", route.environment, project=PLATFORM, spec=spec, due=False)
    watched = {str(line.release): line.drain_s for line in route.lines}
    if watched or tx.intents.find(LINES, route.environment) is not None:
        wanted = {"environment": route.environment, "lines": watched}
        tx.intents.put(LINES, route.environment, project=PLATFORM, spec=wanted)
    return spec


def _standing_by(tx: Transaction, route: Route, before: Route) -> Route:
    """Return the route without a new standby that may not serve: what an erasure condemned.

    Those that stood by before are taken out when they are condemned; see `forget`.
    """
    services: dict[str, ServiceRoute] = {}
    for name, one in route.services.items():
        previous, was = one.previous, before.services.get(name)
        is_new = was is None or was.previous != previous
        if previous is not None and is_new:
            serves = previous.model == one.champion.model
            if serves or tx.versions.get(previous.ref).state != "approved":
                previous = None
        services[name] = msgspec.structs.replace(one, previous=previous)
    return msgspec.structs.replace(route, services=services)
