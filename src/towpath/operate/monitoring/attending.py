"""What people do about an alert: take it on, put it off, end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import Conflict, UsageError
from towpath.operate.monitoring.alerts import KIND, UNRESOLVED, resolve_row

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent


def acknowledge(tx: Transaction, name: str, *, by: str) -> None:
    """Say that somebody sees to it: it is not escalated any more. Triggers go on hearing of it.

    Raises:
        NotFound: There is no such alert.
        Conflict: It is resolved.
    """
    row = _unresolved(tx, name)
    tx.intents.report(KIND, name, status={**row.status, "by": by}, phase="acknowledged")
    tx.events.append("alert.acknowledged", f"{KIND}:{name}", project=row.project, alert=name, by=by)


def snooze(tx: Transaction, name: str, *, by: str, span: timedelta, now: datetime) -> None:
    """Hear nothing of it for a span of event time; alarms in it are counted, and start nothing.

    Raises:
        NotFound: There is no such alert.
        Conflict: It is resolved.
        UsageError: The span is not above zero.
    """
    if span.total_seconds() <= 0:
        raise UsageError("an alert can't be snoozed for no time", remedy="Give for example 1d.")
    row, until = _unresolved(tx, name), (now + span).isoformat()
    status = {**row.status, "by": by, "until": until}
    tx.intents.report(KIND, name, status=status, phase="snoozed")
    tx.events.append(
        "alert.snoozed", f"{KIND}:{name}", project=row.project, alert=name, by=by, until=until
    )


def resolve(tx: Transaction, name: str, *, by: str, why: str = "") -> None:
    """End it. The next alarm of its monitor is another alert.

    Args:
        tx: An open transaction.
        name: The alert.
        by: Who ends it, by a handle.
        why: For the record; nothing personal.

    Raises:
        NotFound: There is no such alert.
        Conflict: It is resolved.
    """
    resolve_row(tx, _unresolved(tx, name), by=by, why=why)


def _unresolved(tx: Transaction, name: str) -> Intent:
    row = tx.intents.get(KIND, name)
    if row.phase not in UNRESOLVED:
        raise Conflict(
            f"alert {name!r} is resolved", remedy="The monitor's next alarm is a new alert."
        )
    return row


__all__ = ["acknowledge", "resolve", "snooze"]
