"""Marks model versions that have to go, and takes condemned challengers out of the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.trace.erasure.state import CondemnedModel
from towpath.trace.erasure.traffic import live_models, routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.operate.releases.contract import Releases


def condemn(
    tx: Transaction, releases: Releases, models: Iterable[Ref], *, reason: str
) -> dict[str, CondemnedModel]:
    """Move models to `condemned` and return what is known of each.

    A condemned champion serves on until its replacement has taken over: an erasure must not become an
    outage. A condemned challenger leaves the traffic at once, since a rollout could promote it.
    """
    live = live_models(tx)
    found: dict[str, CondemnedModel] = {}
    for ref in models:
        version = tx.versions.get(ref)
        if version.state == "deleted":
            continue
        found[str(ref)] = CondemnedModel(
            package=version.body["package"],
            services=live.get(ref, ()),
            run=version.body.get("run") or version.made_by,
        )
        tx.versions.set_state(ref, "condemned", reason=reason)
    for route in routes(tx):
        for service, share in route.services.items():
            challenger = share.challenger
            if challenger is not None and challenger.model in found and share.rollout is not None:
                releases.roll_back(
                    tx, environment=route.environment, service=service, rollout=share.rollout
                )
                tx.intents.wake("rollout", share.rollout)
    return found
