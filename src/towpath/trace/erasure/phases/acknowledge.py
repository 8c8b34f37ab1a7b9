"""Suppressed → acknowledged: every living gateway has confirmed the suppression list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from towpath.core.clock import parse_time
from towpath.ledger.owners import is_dead
from towpath.trace.erasure.parts import Step

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_DEAD_AFTER = timedelta(seconds=15)
_LOOK_AGAIN_S = 0.1


def acknowledge(parts: Parts, work: Work) -> Commit:
    """Wait for the gateways: for each that may still answer, whether it can be reached or not.

    One that can't read the ledger serves on, and has said until when it does so about subjects; one whose
    process is gone from this machine answers nobody.

    Then take note of what copies there are: once the data sets are redacted, nobody could tell.
    """
    with parts.ledger.read() as tx:
        waiting = bool(_behind(tx, parts, work))
    about = None if waiting else work.about(parts)
    held = [] if about is None else [one for copies in parts.copies for one in copies.held(about)]
    state = msgspec.structs.replace(work.state, copies=tuple(held))

    def commit(tx: Transaction) -> Step:
        if waiting or _behind(tx, parts, work):
            return Step(state=work.state, wait_s=_LOOK_AGAIN_S)
        return Step(state=state, phase="acknowledged", facts={"gateways": len(_living(tx, parts))})

    return commit


def _living(tx: Transaction, parts: Parts) -> list[Intent]:
    now = parts.wall.now()
    return [one for one in tx.intents.list("gateway", limit=None) if _may_answer(one, now)]


def _may_answer(gateway: Intent, now: datetime) -> bool:
    if is_dead(gateway.spec.get("owner", "")):
        return False
    until = gateway.status.get("answers_until")
    return now - _seen(gateway) < _DEAD_AFTER if until is None else now < parse_time(until)


def _behind(tx: Transaction, parts: Parts, work: Work) -> list[Intent]:
    """Return the living gateways that have not confirmed the list yet."""
    return [one for one in _living(tx, parts) if _confirmed(one) < work.request.suppression]


def _seen(gateway: Intent) -> datetime:
    at = gateway.status.get("at")
    return gateway.updated_at if at is None else parse_time(at)


def _confirmed(gateway: Intent) -> int:
    return gateway.status.get("suppression_generation") or 0
