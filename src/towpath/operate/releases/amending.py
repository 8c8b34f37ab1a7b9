"""Changes of routes that make no release: what a service declares, and what must not stand by any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from towpath.operate.releases.placing import refreshed
from towpath.operate.releases.route import Route, ServiceRoute
from towpath.operate.releases.routes import put_route, route_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction


def redeclare(tx: Transaction, *, environment: str, service: str) -> None:
    """Have gateways record decisions as the service's declaration says from now on.

    Carries subject, durability, logging and warm-up over into the route. Harmless when the service is not
    routed.
    """

    def follow(name: str, share: ServiceRoute) -> ServiceRoute:
        return refreshed(tx, name, share, share.also) if name == service else share

    _put_changed(tx, route_of(tx, environment), lambda route: route.each(follow))


def withdraw(tx: Transaction, *, environment: str, service: str) -> None:
    """Stop serving a service: it leaves the route, and gateways answer 404 for it.

    Its releases stay on record. Harmless when the service is not routed. Event: `route.changed`.
    """
    if not _put_changed(tx, route_of(tx, environment), lambda route: route.without(service)):
        return
    tx.events.append(
        "route.changed",
        f"service:{service}",
        environment=environment,
        reason="no longer declared",
        arms=[],
    )


def forget(tx: Transaction, models: Iterable[Ref]) -> None:
    """Keep none of these models on standby, in any environment: an erasure calls it.

    A standby is a pointer for gateways, who then drop the loaded model and their copy of its package.
    """
    gone = {str(ref) for ref in models}

    def without(_: str, share: ServiceRoute) -> ServiceRoute:
        if share.previous is None or share.previous.model not in gone:
            return share
        return msgspec.structs.replace(share, previous=None)

    for row in tx.intents.list("route", limit=None):
        _put_changed(tx, msgspec.convert(row.spec, Route), lambda route: route.each(without))


def _put_changed(tx: Transaction, route: Route, change: Callable[[Route], Route]) -> bool:
    """Put a changed route in the place of one; tell whether anything is different."""
    after = change(route)
    if after == route:
        return False
    put_route(tx, after)
    return True
