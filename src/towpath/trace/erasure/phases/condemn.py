"""Marks model versions that have to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.refs import Ref
from towpath.operate.releases import forget
from towpath.trace.erasure.state import CondemnedModel
from towpath.trace.erasure.traffic import live_models, routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.contract import Transaction


def condemn(tx: Transaction, models: Iterable[Ref], *, reason: str) -> dict[str, CondemnedModel]:
    """Move models to `condemned` and return what is known of each.

    A condemned champion serves on until its replacement has taken over: an erasure must not become an
    outage. A rollout drops a challenger that is not approved any more, so it is told to look.
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
    forget(tx, [Ref.parse(one, "model") for one in found])
    for route in routes(tx):
        for share in route.services.values():
            challenger = share.challenger
            if challenger is not None and challenger.model in found and share.rollout is not None:
                tx.intents.wake("rollout", share.rollout)
    return found
