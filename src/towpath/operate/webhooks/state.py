"""How far a webhook is: its place in the log, and what became of what it sent."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- msgspec resolves the annotations
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from towpath.ledger.records import Event

_LATELY = 20
_OK = range(200, 300)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the other side has settled.

    Attributes:
        seq: Its number in the log.
        at: When it was answered, by wall time.
        code: The answer's status: 2xx took it, anything else refused it.
    """

    seq: int
    type: str
    subject: str
    at: datetime
    code: int

    @property
    def taken(self) -> bool:
        """Whether the other side took it."""
        return self.code in _OK


class WebhookState(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's status.

    Attributes:
        cursor: Position in the log up to which events were sent.
        sent: How many were taken by the other side.
        refused: How many it refused; they are not sent again.
        failures: Tries in a row that came to nothing.
        error: What the last of them met.
        lately: The last that were settled, oldest first.
    """

    cursor: int = -1
    sent: int = 0
    refused: int = 0
    failures: int = 0
    error: str | None = None
    lately: tuple[Delivery, ...] = ()

    def passed(self, event: Event) -> WebhookState:
        """Return the state after an entry that is none of the webhook's business."""
        return msgspec.structs.replace(self, cursor=event.seq)

    def settled(self, event: Event, code: int, *, at: datetime) -> WebhookState:
        """Return the state after an answer that settles an event."""
        one = Delivery(seq=event.seq, type=event.type, subject=event.subject, at=at, code=code)
        return msgspec.structs.replace(
            self,
            cursor=event.seq,
            sent=self.sent + one.taken,
            refused=self.refused + (not one.taken),
            failures=0,
            error=None if one.taken else f"it refused an event with status {code}",
            lately=(*self.lately, one)[-_LATELY:],
        )

    def failed(self, error: str) -> WebhookState:
        """Return the state after a try that came to nothing."""
        return msgspec.structs.replace(self, failures=self.failures + 1, error=error)


__all__ = ["Delivery", "WebhookState"]
