"""Money as the API writes it: what `build.capacity.reading` reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from towpath.build.capacity.pricing import current_prices
from towpath.build.capacity.reading import alerts, budget_views, line_view, spend
from towpath.server.resources.spend import (
    DailySpend,
    Rate,
    Spend,
    SpendBreakdown,
    SpendLine,
)

if TYPE_CHECKING:
    from towpath.build.capacity.reading import SpendBy
    from towpath.build.capacity.reading import SpendLine as Line
    from towpath.ledger.contract import Transaction

_DAYS = 90
_ALERTS = 20
_KINDS = {"run": "run", "erasure": "erasure", "project": "project"}


def spend_now(tx: Transaction, *, now: datetime) -> Spend:
    """Return budgets, the line, alerts, prices and the last 90 days.

    Args:
        tx: An open transaction.
        now: Event time: what periods go by. Places in line go by the wall's.
    """
    wall = datetime.now(UTC)
    prices = current_prices(tx)
    return Spend(
        currency=prices.currency,
        now=now,
        budgets=budget_views(tx, now=now, wall=wall),
        attempts=line_view(tx, now=now, wall=wall),
        alerts=alerts(tx)[:_ALERTS],
        prices=[Rate(resource=name, micros=rate) for name, rate in sorted(prices.rates.items())],
        prices_version=prices.version,
        days=_days(tx, now),
    )


def spend_by(
    tx: Transaction, by: SpendBy, *, now: datetime, days: int | None, project: str | None
) -> SpendBreakdown:
    """Return spend by one of its properties, over the last `days` of event time if given."""
    since = None if days is None else _midnight(now) - timedelta(days=days - 1)
    lines = spend(tx, by, since=since, project=project)
    return SpendBreakdown(
        by=by,
        currency=current_prices(tx).currency,
        since=since,
        total_micros=sum(line.micros for line in lines),
        lines=[
            SpendLine(key=list(line.key), micros=line.micros, ref=_ref(by, line)) for line in lines
        ],
    )


def _days(tx: Transaction, now: datetime) -> list[DailySpend]:
    since = _midnight(now) - timedelta(days=_DAYS - 1)
    totals = tx.account.totals(("day", "project"), since=since)
    found = [
        DailySpend(day=day, project=project, micros=micros)
        for (day, project), micros in totals.items()
    ]
    return sorted(found, key=lambda one: (one.day, one.project))


def _ref(by: SpendBy, line: Line) -> str | None:
    """Return the reference that a line is about, where it has a page of its own."""
    name = line.key[0]
    if by == "model":
        return name
    return f"{_KINDS[by]}:{name}" if by in _KINDS and name != "–" else None


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
