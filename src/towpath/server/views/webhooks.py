"""Webhooks, from the rows of those who carry them out and the log they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from towpath.operate.webhooks import ChannelState, Webhook, WebhookState, read_news
from towpath.server.resources.webhooks import (
    ChannelListed,
    ChannelMessage,
    WebhookDelivery,
    WebhookListed,
)
from towpath.server.views.events import log_event
from towpath.server.views.values import moment

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Event, Intent
    from towpath.operate.webhooks import Delivery

_WAITING_MOST = 50


def list_webhooks(tx: Transaction, project: str | None) -> list[WebhookListed]:
    """Return webhooks by name."""
    rows = tx.intents.list("webhook", project=project)
    return [_webhook(tx, row) for row in sorted(rows, key=lambda row: row.name)]


def list_channels(tx: Transaction, project: str | None) -> list[ChannelListed]:
    """Return channels by name."""
    rows = tx.intents.list("channel", project=project)
    return [_channel(row) for row in sorted(rows, key=lambda row: row.name)]


def _channel(row: Intent) -> ChannelListed:
    state = msgspec.convert(row.status or {}, ChannelState)
    messages = [
        ChannelMessage(at=at, title=str(one["title"]), events=int(one["events"]))
        for one in reversed(state.lately)
        if (at := moment(one["at"])) is not None
    ]
    return ChannelListed(
        name=row.name,
        project=row.project,
        channel=row.spec["channel"],
        events=list(row.spec["events"]),
        severity=row.spec["severity"],
        after=row.spec.get("after"),
        state=row.phase,
        sent=state.sent,
        told=state.told,
        failures=state.failures,
        error=state.error,
        messages=messages,
    )


def _webhook(tx: Transaction, row: Intent) -> WebhookListed:
    declared = Webhook.from_spec(row.spec)
    state = msgspec.convert(row.status or {}, WebhookState)
    return WebhookListed(
        name=row.name,
        project=row.project,
        url=declared.url,
        events=list(declared.events),
        state=row.phase,
        sent=state.sent,
        refused=state.refused,
        failures=state.failures,
        error=state.error,
        next_at=row.due_at if row.phase == "failing" else None,
        waiting=[log_event(one) for one in _waiting(tx, row, declared, state)],
        deliveries=[_delivery(one) for one in reversed(state.lately)],
    )


def _waiting(tx: Transaction, row: Intent, declared: Webhook, state: WebhookState) -> list[Event]:
    if not row.status:  # it begins with what happens after it was carried out first
        return []
    news = read_news(tx, declared, project=row.project, after=state.cursor, limit=_WAITING_MOST)
    return [event for event, is_ours in news if is_ours]


def _delivery(one: Delivery) -> WebhookDelivery:
    return WebhookDelivery(
        seq=one.seq, type=one.type, subject=one.subject, at=one.at, code=one.code, taken=one.taken
    )
