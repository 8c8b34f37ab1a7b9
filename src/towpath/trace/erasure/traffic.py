"""Which model versions are live: in an arm of a route, or about to be."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from towpath.operate.releases.route import Route

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction


def routes(tx: Transaction) -> list[Route]:
    """Return the route of every environment."""
    return [msgspec.convert(intent.spec, Route) for intent in tx.intents.list("route")]


def models_in_traffic(tx: Transaction) -> dict[Ref, set[str]]:
    """Return every model version that an arm uses, with the services that use it."""
    found: dict[Ref, set[str]] = defaultdict(set)
    for route in routes(tx):
        for service, share in route.services.items():
            for arm in share.arms:
                found[arm.ref].add(service)
    return dict(found)


def live_models(tx: Transaction) -> dict[Ref, tuple[str, ...]]:
    """Return the models in traffic, and each approved one that a service would try next."""
    found = models_in_traffic(tx)
    for service in tx.intents.list("service"):
        newest = tx.versions.latest("model", service.spec["model"], states=["approved"])
        if newest is None or newest.ref in found:
            continue
        if tx.intents.find("rollout", f"{service.name}.{newest.ref.version}") is None:
            found[newest.ref] = {service.name}
    return {ref: tuple(sorted(services)) for ref, services in sorted(found.items())}
