"""What a person may order of a rollout that is going on: ahead, back, wait, and on again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from towpath.core.errors import Conflict, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json

End = Literal["promote", "roll_back"]
Order = Literal["promote", "roll_back", "pause", "resume"]

_ORDERED: Final = "ordered"
_PAUSED: Final = "paused"


def order(tx: Transaction, rollout: str, wanted: Order, *, by: str = "", why: str = "") -> bool:
    """Order something of a rollout; the next step of it obeys. Return whether that changes anything.

    The order is part of what is wanted, so it is carried out however often workers die; given again
    it changes nothing. It is in the log as `rollout.ordered`, with who gave it. A pause freezes the
    traffic where it is, and the clock: the evidence goes on growing, and is acted on at the end of it.

    Args:
        tx: A write transaction.
        rollout: Its name.
        wanted: `promote` and `roll_back` end it, whatever the evidence; they also end a pause.
        by: A handle of who orders it; the transaction's actor if empty.
        why: One line for those who read the log.

    Raises:
        NotFound: There is no such rollout.
        Conflict: It is over, or is being ended the other way.
    """
    held = tx.intents.get("rollout", rollout)
    if held.phase == "done":
        raise Conflict(
            f"rollout {rollout!r} is over: {held.status.get('outcome')}",
            remedy="To serve another approved version: towpath release deploy.",
        )
    ending = order_in(held.spec)
    if ending is not None and ending != wanted:
        raise Conflict(
            f"rollout {rollout!r} is being ended already: {ending}",
            remedy=f"See: towpath rollout show {rollout}.",
        )
    spec: dict[str, Any] = dict(held.spec)
    match wanted:
        case "promote" | "roll_back":
            spec[_ORDERED] = wanted
        case "pause":
            spec.setdefault(_PAUSED, {"by": by, "why": why, "at": datetime.now(UTC).isoformat()})
        case "resume":
            spec.pop(_PAUSED, None)
    if spec == held.spec:
        return False
    tx.intents.put("rollout", rollout, project=held.project, spec=spec)
    tx.events.append(
        "rollout.ordered",
        f"service:{held.spec['service']}",
        rollout=rollout,
        order=wanted,
        by=by,
        reason=why,
    )
    return True


def known_order(text: str) -> Order:
    """Read an order.

    Raises:
        UsageError: It is none.
    """
    if text not in get_args(Order):
        raise UsageError(
            f"a rollout can't be ordered to {text!r}",
            remedy=f"Order one of {', '.join(get_args(Order))}.",
        )
    return cast("Order", text)


def order_in(spec: Mapping[str, Any]) -> End | None:
    """Return how a rollout was ordered to end, if it was."""
    return cast("End | None", spec.get(_ORDERED))


def pause_in(spec: Mapping[str, Any]) -> Json | None:
    """Return who paused a rollout, why and when, if somebody did and nobody ended it since."""
    return None if _ORDERED in spec else spec.get(_PAUSED)
