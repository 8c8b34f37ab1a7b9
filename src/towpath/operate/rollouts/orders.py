"""What a person may order of a rollout that is going on: to go ahead, or to go back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Transaction

Order = Literal["promote", "roll_back"]

_KEY = "ordered"


def order(tx: Transaction, rollout: str, wanted: Order) -> None:
    """End a rollout by hand. The order is part of the log; the next step of the rollout obeys it.

    Raises:
        NotFound: There is no such rollout.
        Conflict: It is over.
    """
    held = tx.intents.get("rollout", rollout)
    if held.phase == "done":
        raise Conflict(
            f"rollout {rollout!r} is over: {held.status.get('outcome')}",
            remedy="To serve another approved version: towpath release deploy.",
        )
    tx.intents.put("rollout", rollout, project=held.project, spec={**held.spec, _KEY: wanted})


def order_in(spec: Mapping[str, Any]) -> Order | None:
    """Return what was ordered, if anything was."""
    return cast("Order | None", spec.get(_KEY))
