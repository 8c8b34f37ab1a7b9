"""Which model versions are live: in an arm of a route, or about to be."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from towpath.operate.releases.route import Route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction


def routes(tx: Transaction) -> list[Route]:
    """Return the route of every environment."""
    return [msgspec.convert(intent.spec, Route) for intent in tx.intents.list("route")]


def models_in_traffic(tx: Transaction) -> dict[Ref, set[str]]:
    """Return every model version that an arm uses, with the services that use it."""
    found: dict[Ref, set[str]] = defaultdict(set)
    for route in routes(tx):
        for service, share in route.shares():
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
        if tx.intents.find("rollout", _trial(service.name, newest.ref)) is None:
            found[newest.ref] = {service.name}
    return {ref: tuple(sorted(services)) for ref, services in sorted(found.items())}


def lost_trial(tx: Transaction, service: str, model: Ref) -> bool:
    """Tell whether a model was tried in a service's traffic and taken out again."""
    trial = tx.intents.find("rollout", _trial(service, model))
    return trial is not None and trial.status.get("outcome") == "rolled_back"


def heir(tx: Transaction, model: Ref, services: Iterable[str]) -> Ref | None:
    """Return the approved version that is on its way to replace a model, if there is one.

    A service follows the newest approved version of its model, so that is the heir, unless it lost its
    trial in one of the services.
    """
    newest = tx.versions.latest("model", model.name, states=["approved"])
    if newest is None or (newest.ref.version or 0) <= (model.version or 0):
        return None
    return None if any(lost_trial(tx, one, newest.ref) for one in services) else newest.ref


def _trial(service: str, model: Ref) -> str:
    return f"{service}.{model.version}"
