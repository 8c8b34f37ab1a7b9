"""Which model versions of a service can answer somebody, and which may be next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases import Releases


def champion_of(tx: Transaction, releases: Releases, service: str) -> Ref | None:
    """Return the model version that serves, or None where the service is declared no more."""
    declared = tx.intents.find("service", service)
    if declared is None:
        return None
    return releases.champion(tx, declared.spec["environment"], service)


def newest_approved(tx: Transaction, service: str) -> Version | None:
    """Return the newest approved version of the service's model."""
    declared = tx.intents.find("service", service)
    if declared is None:
        return None
    return tx.versions.latest("model", declared.spec["model"], states=["approved"])


def serving_models(tx: Transaction, releases: Releases, service: str) -> tuple[Ref, ...]:
    """Return the champion, a challenger, those of releases beside the default, and what may be next."""
    declared = tx.intents.find("service", service)
    if declared is None:
        return ()
    route = releases.route(tx, declared.spec["environment"])
    shares = [route.services.get(service), *(line.services.get(service) for line in route.lines)]
    found = [arm.ref for share in shares if share is not None for arm in share.arms]
    newest = newest_approved(tx, service)
    if newest is not None:
        found.append(newest.ref)
    there = tx.versions.some(found)
    return tuple(one for one in dict.fromkeys(found) if there[one].state != "deleted")


__all__ = ["champion_of", "newest_approved", "serving_models"]
