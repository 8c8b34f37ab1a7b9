"""Pages of the ledger's log, and its state for auditors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.server.resources.events import EventPage, LogEvent
from towpath.server.resources.health import LogState, SignedCheckpoint

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Event
    from towpath.storage.keys import Keyring


def log_event(event: Event) -> LogEvent:
    """Return an entry as the API writes it."""
    return LogEvent(
        seq=event.seq,
        at=event.at,
        type=event.type,
        subject=event.subject,
        actor=event.actor,
        payload=event.payload,
        leaf=event.leaf,
    )


def event_page(
    tx: Transaction,
    *,
    before: int | None,
    limit: int,
    types: list[str] | None,
    subject: str | None,
) -> EventPage:
    """Return entries older than `before` (the newest, when None), newest first."""
    found = (
        []
        if before == 0
        else tx.events.read(
            after=-1 if before is None else before,
            limit=limit,
            types=types,
            subject=subject,
            newest_first=True,
        )
    )
    more = len(found) == limit and found[-1].seq > 0
    return EventPage(
        size=tx.events.size(),
        events=[log_event(event) for event in found],
        before=found[-1].seq if more else None,
    )


def log_state(tx: Transaction, keyring: Keyring, *, limit: int) -> LogState:
    """Return size, root, stored checkpoints and the key that verifies them."""
    size = tx.events.size()
    return LogState(
        size=size,
        root=tx.events.root(size),
        checkpoints=[
            SignedCheckpoint(
                size=one.size, root=one.root, at=one.at, key_id=one.key_id, signature=one.signature
            )
            for one in tx.events.checkpoints(limit)
        ],
        key_id=keyring.key_id,
        public_key_pem=keyring.public_key_pem.decode(),
    )
