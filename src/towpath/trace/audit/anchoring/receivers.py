"""Somebody's web hook: each statement as a signed CloudEvent, sent as all webhooks here are."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from towpath.core.errors import UsageError
from towpath.operate.webhooks.sending import send

if TYPE_CHECKING:
    from towpath.ledger import Checkpoint

TYPE: Final = "towpath.checkpoint.signed"
_TAKEN = range(200, 300)


class WebhookAnchor:
    """See `Anchor`. What was sent can't be read back: its receiver keeps it.

    Args:
        url: Where to.
        secret: Signs the message, as Standard Webhooks says.
        private: Whether machines in the private network may be reached.
        log: Names the log.
    """

    readable = False

    def __init__(self, url: str, *, secret: str, private: bool, log: str) -> None:
        self._url = url
        self._secret = secret
        self._private = private
        self._log = log

    def read(self) -> list[Checkpoint]:
        """See `Anchor.read`: nothing."""
        return []

    def put(self, checkpoint: Checkpoint) -> None:
        """See `Anchor.put`. The same statement has the same id however often it is sent."""
        document = {
            "specversion": "1.0",
            "id": f"{self._log}-checkpoint-{checkpoint.size}",
            "source": f"/towpath/{self._log}",
            "type": TYPE,
            "subject": f"log:{self._log}",
            "time": checkpoint.at.isoformat(),
            "datacontenttype": "application/json",
            "data": asdict(checkpoint),
        }
        code = send(document, url=self._url, secret=self._secret, private=self._private)
        if code not in _TAKEN:
            raise UsageError(f"the anchor's receiver refused a statement with status {code}")
