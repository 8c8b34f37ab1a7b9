"""Soft limits: spending that crosses a share of its cap is told, once per crossing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from towpath.build.capacity.limits import Node, next_start, start_of
from towpath.build.capacity.money import format_money
from towpath.build.capacity.standing import since

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.ledger import Balance, BudgetRow
    from towpath.ledger.contract import Transaction

log = structlog.get_logger()
_FULL = 1.0
ALERT = "budget_alert"
"""Kind of the rows that tell: plain state, named `BUDGET.PERIOD.SHARE.SPENT`."""


def tell_crossings(
    tx: Transaction, paths: Sequence[str] | None = None, *, now: datetime
) -> list[str]:
    """Raise an alert for the highest soft limit of each budget that what is *spent* has crossed since it was last looked at.

    What is only reserved does not count, since most of it comes back. The cap itself is one more soft
    limit: admission keeps spending below it, but corrections, storage, and a cap that was lowered can
    take it above. A crossing counts again in the next period, or after spending fell below the limit,
    as it does when the cap is raised.

    Returns:
        The names of the alerts that it raised.
    """
    rows = {row.name: row for row in tx.account.budgets(paths)}
    nodes = {name: Node.of(row) for name, row in rows.items()}
    capped = {name: node for name, node in nodes.items() if node.cap is not None}
    balances = tx.account.balances(since(capped, now))
    told = (
        _look(tx, rows[name], node, balances[name], now) for name, node in sorted(capped.items())
    )
    return [name for name in told if name is not None]


def _look(
    tx: Transaction, row: BudgetRow, node: Node, balance: Balance, now: datetime
) -> str | None:
    assert node.cap is not None
    start = start_of(node.period, now).isoformat()
    spent = balance.spent
    over = [share for share in (*node.warn, _FULL) if _is_over(share, spent, node.cap)]
    known: list[float] = row.crossed.get("shares", []) if row.crossed.get("start") == start else []
    if set(over) == set(known):
        return None
    tx.account.cross(row.name, {"start": start, "shares": sorted(set(over))})
    fresh = set(over) - set(known)
    return _tell(tx, row, node, spent=spent, share=max(fresh), now=now) if fresh else None


def _is_over(share: float, spent: int, cap: int) -> bool:
    # At the cap itself nothing went wrong yet; a budget of nothing has no shares.
    return spent > cap if share == _FULL else cap > 0 and spent >= share * cap


def _tell(
    tx: Transaction, row: BudgetRow, node: Node, *, spent: int, share: float, now: datetime
) -> str:
    assert node.cap is not None
    period = f"{start_of(node.period, now):%Y%m%d}"
    name = f"{row.name.replace('/', '.')}.{period}.{round(share * 100)}.{spent}"
    what = "more than all" if share == _FULL else f"past {share * 100:g}%"
    summary = (
        f"{node.title} has spent {format_money(spent)} of {format_money(node.cap)} "
        f"this {node.period}: {what} of it"
    )
    about: dict[str, Any] = {
        "budget": row.name,
        "project": row.project,
        "share": share,
        "spent_micros": spent,
        "cap_micros": node.cap,
        "period": node.period,
    }
    until = next_start(node.period, now).isoformat()
    spec = {**about, "at": now.isoformat(), "until": until, "summary": summary}
    tx.intents.put(ALERT, name, project=row.project, spec=spec, due=False)
    tx.events.append("budget.crossed", f"budget:{row.name}", alert=name, **about)
    log.warning("budget.crossed", budget=row.name, share=share, summary=summary)
    return name
