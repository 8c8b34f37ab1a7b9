"""Walks erasures from phase to phase, one recorded step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
import structlog

from towpath.trace.erasure.phases import (
    acknowledge,
    await_replacements,
    certify,
    order_replacements,
    purge,
    redact,
    retire,
    verify,
)
from towpath.trace.erasure.state import KIND, request_of, state_of
from towpath.trace.erasure.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent
    from towpath.trace.erasure.parts import Commit, Parts, Step
    from towpath.trace.erasure.state import State

_log = structlog.get_logger(__name__)

# How each phase is left.
_LEAVE: Mapping[str, Callable[[Parts, Work], Commit]] = {
    "suppressed": acknowledge,
    "acknowledged": redact,
    "redacted": purge,
    "purged": order_replacements,
    "retraining": await_replacements,
    "rolling_out": retire,
    "retired": verify,
    "verified": certify,
}
# How a blocked erasure resumes: refused retrainings are asked for again.
_RESUME = {**_LEAVE, "retraining": order_replacements}


class ErasureReconciler:
    """Reconciles intents of kind `erasure`; see `contract` for the phases.

    Each step does its slow and repeatable work first, then records its outcome, its event and the
    next phase in one transaction. A step can take as long as rewriting or re-reading the home does, so
    it wants a controller loop of its own.
    """

    kinds: tuple[str, ...] = (KIND,)

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def reconcile(self, held: Intent) -> None:
        """Take one step."""
        state = state_of(held)
        if held.phase == "blocked":
            leave = _RESUME.get(state.blocked_in or "")
            state = msgspec.structs.replace(state, blocked_in=None, reason="")
        else:
            leave = _LEAVE.get(held.phase)
        if leave is None:  # certified: nothing is left to do
            with self._parts.ledger.write(actor="erasure") as tx:
                tx.intents.advance(held)
            return
        commit = leave(self._parts, Work(id=held.name, request=request_of(held), state=state))
        with self._parts.ledger.write(actor="erasure") as tx:
            self._record(tx, held, commit(tx))

    def _record(self, tx: Transaction, held: Intent, step: Step) -> None:
        state: State = step.state
        phase = step.phase
        if phase is not None:
            tx.events.append(f"erasure.{phase}", f"erasure:{held.name}", **step.facts)
            _log.info("erasure.moved", erasure=held.name, phase=phase)
        if phase is not None and phase != "blocked":
            entry = {"phase": phase, "at": self._parts.wall.now().isoformat(), **step.facts}
            state = msgspec.structs.replace(state, steps=(*state.steps, entry))
        elif phase is None and held.phase == "blocked":
            phase = _waiting_in(held)
        tx.intents.advance(
            held,
            phase=phase,
            status=cast("dict[str, object]", msgspec.to_builtins(state)),
            due_in_s=step.wait_s,
        )


def _waiting_in(held: Intent) -> str:
    """Return the phase that a resumed erasure waits in again."""
    return state_of(held).blocked_in or held.phase
