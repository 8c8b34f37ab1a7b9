"""Suppressed → acknowledged: every living gateway has confirmed the suppression list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from towpath.core.clock import parse_time
from towpath.trace.erasure.parts import Step

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_DEAD_AFTER = timedelta(seconds=15)
_LOOK_AGAIN_S = 0.1


def acknowledge(parts: Parts, work: Work) -> Commit:
    """Wait for the gateways. One without a heartbeat for 15 s is dead, and answers nobody."""

    def commit(tx: Transaction) -> Step:
        now = parts.wall.now()
        living = [one for one in tx.intents.list("gateway") if now - _seen(one) < _DEAD_AFTER]
        needed = work.request.suppression
        behind = [one for one in living if _confirmed(one) < needed]
        if behind:
            return Step(state=work.state, wait_s=_LOOK_AGAIN_S)
        return Step(state=work.state, phase="acknowledged", facts={"gateways": len(living)})

    return commit


def _seen(gateway: Intent) -> datetime:
    at = gateway.status.get("at")
    return gateway.updated_at if at is None else parse_time(at)


def _confirmed(gateway: Intent) -> int:
    return gateway.status.get("suppression_generation") or 0
