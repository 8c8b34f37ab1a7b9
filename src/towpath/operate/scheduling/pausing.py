"""Holding a schedule or a trigger back for a while, over any number of `apply`s."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction

_KIND = "pause"


def pause(tx: Transaction, kind: str, name: str) -> None:
    """Hold an intent back: what comes meanwhile starts nothing. Twice is once.

    It is a row beside the intent, because the intent's own spec is what the project declares: the next
    `apply` would undo it.

    Raises:
        NotFound: There is no such intent.
    """
    row = tx.intents.get(kind, name)
    tx.intents.put(_KIND, _row(kind, name), project=row.project, spec={}, due=False)
    tx.intents.wake(kind, name)


def resume(tx: Transaction, kind: str, name: str) -> None:
    """Let an intent go on from now. Raises `NotFound`."""
    tx.intents.get(kind, name)
    tx.intents.delete(_KIND, _row(kind, name))
    tx.intents.wake(kind, name)


def is_paused(tx: Transaction, kind: str, name: str) -> bool:
    """Tell whether an intent is held back."""
    return tx.intents.find(_KIND, _row(kind, name)) is not None


def _row(kind: str, name: str) -> str:
    return f"{kind}:{name}"
