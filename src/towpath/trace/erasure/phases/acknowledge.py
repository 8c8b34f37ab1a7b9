"""Suppressed → acknowledged: every living gateway has confirmed that it obeys the withdrawal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from towpath.trace.erasure.gateways import living, unconfirmed
from towpath.trace.erasure.parts import Step

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_LOOK_AGAIN_S = 0.1


def acknowledge(parts: Parts, work: Work) -> Commit:
    """Wait for the gateways: for each that may still answer, whether it can be reached or not.

    Then take note of what copies there are: once the data sets are redacted, nobody could tell.
    """
    position = work.request.suppression
    with parts.ledger.read() as tx:
        waiting = bool(unconfirmed(tx, position, parts.wall.now()))
    about = None if waiting else work.about(parts)
    held = [] if about is None else [one for copies in parts.copies for one in copies.held(about)]
    state = msgspec.structs.replace(work.state, copies=tuple(held))

    def commit(tx: Transaction) -> Step:
        now = parts.wall.now()
        if waiting or unconfirmed(tx, position, now):
            return Step(state=work.state, wait_s=_LOOK_AGAIN_S)
        return Step(state=state, phase="acknowledged", facts={"gateways": len(living(tx, now))})

    return commit
