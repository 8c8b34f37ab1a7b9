"""Firing a trigger by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.triggers.declaration import FIRED

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Event


def fire(tx: Transaction, name: str, *, by: str) -> Event:
    """Ask a trigger to start its pipeline now, as if what it waits for had happened.

    It does, unless it is paused or a run of it is going on; a cool-down holds nobody back who asks by
    hand. Budgets, gates and roll-outs are as ever. What became of it is among the trigger's answers.

    Args:
        tx: An open transaction.
        name: `PROJECT.TRIGGER`.
        by: Who asks, by a handle.

    Raises:
        NotFound: There is no such trigger.
    """
    row = tx.intents.get("trigger", name)
    event = tx.events.append(FIRED, f"trigger:{name}", trigger=name, project=row.project, by=by)
    tx.intents.wake("trigger", name)
    return event


__all__ = ["fire"]
