"""Which entries of the log a webhook has still to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Event
    from towpath.operate.webhooks.channels import Email, Slack
    from towpath.operate.webhooks.declaration import Webhook


def read_news(
    tx: Transaction, webhook: Webhook | Email | Slack, *, project: str, after: int, limit: int
) -> list[tuple[Event, bool]]:
    """Return entries of the types that a webhook asks for, and whether each is of its project.

    Args:
        tx: An open transaction.
        webhook: What asks.
        project: Whose it is.
        after: Position in the log that it has reached.
        limit: How many entries to look at.
    """
    read = tx.events.read(after=after, limit=limit, types=list(webhook.events))
    return [(event, _is_of(tx, event, project)) for event in read]


def _is_of(tx: Transaction, event: Event, project: str) -> bool:
    """Tell whether an event is about something of the project."""
    kind, _, name = event.subject.partition(":")
    if "project" in event.payload:
        return bool(event.payload["project"] == project)
    if kind == "run":
        return tx.runs.get(name).project == project
    started_by = str(event.payload.get("trigger", name))
    return started_by.startswith(f"{project}.")
