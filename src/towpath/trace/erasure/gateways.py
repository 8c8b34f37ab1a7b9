"""Which gateways may answer, and hold models: those that an erasure waits for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from towpath.core.clock import parse_time
from towpath.ledger.owners import is_dead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent

_DEAD_AFTER: Final = timedelta(seconds=15)


def living(tx: Transaction, now: datetime) -> list[Intent]:
    """Return the gateways that may still answer, whether they can be reached or not.

    One that can't read the ledger serves on, and has said until when it does so about subjects; one whose
    process is gone from this machine answers nobody.
    """
    return [one for one in tx.intents.list("gateway", limit=None) if _may_answer(one, now)]


def unconfirmed(tx: Transaction, position: int, now: datetime) -> list[Intent]:
    """Return the living gateways that have not followed the list of withdrawals up to a position."""
    return [
        one for one in living(tx, now) if (one.status.get("suppression_generation") or 0) < position
    ]


def generations(tx: Transaction) -> dict[str, int]:
    """Return the generation of each environment's route as it is now."""
    return {row.name: row.generation for row in tx.intents.list("route", limit=None)}


def holding(tx: Transaction, released: Mapping[str, int], now: datetime) -> list[Intent]:
    """Return the living gateways that may hold a model which no route names any more.

    A gateway keeps the packages that its route names, and has let go of all others before it reports that
    it follows a route. It appears in the ledger before it reads any. So one that reports a route from
    `released` on has none of them, in memory or on disk, and gets none again.

    Args:
        tx: The snapshot to read.
        released: By environment, a generation of its route that does not name the model, nor does any
            later one.
        now: Wall time.
    """
    return [
        one
        for one in living(tx, now)
        if (one.status.get("route_generation") or 0)
        < released.get(one.spec.get("environment", ""), 0)
    ]


def _may_answer(gateway: Intent, now: datetime) -> bool:
    if is_dead(gateway.spec.get("owner", "")):
        return False
    until = gateway.status.get("answers_until")
    return now - _seen(gateway) < _DEAD_AFTER if until is None else now < parse_time(until)


def _seen(gateway: Intent) -> datetime:
    at = gateway.status.get("at")
    return gateway.updated_at if at is None else parse_time(at)
