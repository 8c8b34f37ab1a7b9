"""Sending one event by hand, to see whether it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.sources.references import expand
from towpath.operate.webhooks.channels import CHANNELS
from towpath.operate.webhooks.declaration import Webhook
from towpath.operate.webhooks.messages import Message
from towpath.operate.webhooks.sending import send
from towpath.operate.webhooks.telling import send_message

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from towpath.ledger.records import Intent

TYPE = "towpath.test"


def send_test(row: Intent, *, log: str, environ: Mapping[str, str], at: datetime) -> int | None:
    """Send a test event to a webhook, or a test message to a channel. Nothing is recorded.

    Args:
        row: The webhook's or the channel's intent.
        log: Names the log.
        environ: Where `${NAME}` is looked up.
        at: Wall time.

    Returns:
        The status that a webhook answered; None for a channel, which took the message.

    Raises:
        Unavailable: It did not answer, or asks for another try later.
        UsageError: A name is not set, the address leads into the private network, or it was refused.
    """
    told = f"{log}-test-{at:%Y%m%dT%H%M%S%f}"
    if row.kind == "channel":
        channel = CHANNELS[row.spec["channel"]].from_spec(row.spec)
        lines = (("What", f"somebody tried out {row.name}"),)
        message = Message(id=told, severity="info", title="This is a test", lines=lines)
        send_message(channel, message, environ=environ)
        return None
    webhook = Webhook.from_spec(row.spec)
    document = {
        "specversion": "1.0",
        "id": told,
        "source": f"/towpath/{row.project}",
        "type": TYPE,
        "subject": f"webhook:{row.name}",
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {"webhook": row.name},
    }
    return send(
        document,
        url=expand(webhook.url, environ),
        secret=expand(webhook.secret, environ),
        private=webhook.private,
        mode=webhook.mode,
    )


__all__ = ["TYPE", "send_test"]
