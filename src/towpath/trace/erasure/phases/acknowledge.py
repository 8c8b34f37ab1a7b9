"""Suppressed → acknowledged: every living gateway has confirmed that it obeys the withdrawal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from towpath.trace.erasure.gateways import living, unconfirmed
from towpath.trace.erasure.gathering import GATHERING, gathering_of
from towpath.trace.erasure.membership import prepare
from towpath.trace.erasure.parts import Step
from towpath.trace.erasure.phases.purge import held_copies

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_LOOK_AGAIN_S = 0.1


def acknowledge(parts: Parts, work: Work) -> Commit:
    """Gather those who withdraw at the same time, then wait for the gateways.

    For each gateway that may still answer, whether it can be reached or not. Then take note of what
    copies there are, and of what a test of the replacements needs: once the data sets are redacted,
    nobody could tell.
    """
    if not work.state.suppression:
        return lambda tx: _gathered(parts, work, tx)
    position = work.state.suppression
    with parts.ledger.read() as tx:
        waiting = bool(unconfirmed(tx, position, parts.wall.now()))
    held = () if waiting else held_copies(parts, work)
    hold, membership = ("", {}) if waiting else prepare(parts, work)
    state = msgspec.structs.replace(work.state, copies=held, hold=hold, membership=membership)

    def commit(tx: Transaction) -> Step:
        now = parts.wall.now()
        if waiting or unconfirmed(tx, position, now):
            return Step(state=work.state, wait_s=_LOOK_AGAIN_S)
        facts: Json = {"gateways": len(living(tx, now))}
        if state.riders:
            facts["riders"] = state.riders
        return Step(state=state, phase="acknowledged", facts=facts)

    return commit


def _gathered(parts: Parts, work: Work, tx: Transaction) -> Step:
    """Begin with whoever has come, or wait for more."""
    found = gathering_of(tx, work.request.field, work.id)
    riders, position = 0, work.request.suppression
    if found is not None:
        now, since = parts.wall.now(), work.request.requested_at
        if not found.is_over(now, since=since, quiet=parts.quiet, most=parts.gathers):
            return Step(state=work.state, wait_s=parts.quiet.total_seconds())
        riders, position = found.riders, found.suppression
        tx.intents.delete(GATHERING, work.request.field)
    state = msgspec.structs.replace(work.state, riders=riders, suppression=position)
    return Step(state=state)
