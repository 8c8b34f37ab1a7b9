"""Waits until the controllers have seen the time that the demo has moved to."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from towpath.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.ledger import Intent, Ledger, Transaction
    from towpath.trace.erasure import Phase

_POLL_S = 0.02
_BUSY = ("new", "running")
# An erasure that rolls out waits for traffic, and so for the days to come; elsewhere only for work.
_NOT_ERASING: frozenset[Phase] = frozenset({"rolling_out", "certified", "blocked"})
_FOLLOW_TIME = ("monitor", "trigger", "schedule", "service", "rollout")


class Watcher:
    """Looks at desired state until it has settled.

    A retraining takes seconds, in which a replayed clock would run away by weeks; so the demo holds
    the clock while pipelines run, while an erasure works, and until monitors and rollouts have looked at
    the new day.
    """

    def __init__(self, ledger: Ledger, is_alive: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._is_alive = is_alive

    def until(self, done: Callable[[Transaction], bool], what: str, *, within_s: float) -> None:
        """Wait for a condition on the ledger.

        Raises:
            Unavailable: It did not come true in time, or the server is gone.
        """
        deadline = time.monotonic() + within_s
        while True:
            with self._ledger.read() as tx:
                if done(tx):
                    return
            if not self._is_alive():
                raise Unavailable(
                    "the demo's server is gone",
                    remedy="Run the same command again: it carries on where this stopped.",
                )
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{what} did not happen within {within_s:.0f} seconds",
                    remedy="See run/up.log in the demo's folder, and run the command again.",
                )
            time.sleep(_POLL_S)

    def settle(self, *, within_s: float = 600.0) -> None:
        """Wait until whatever follows time has looked at where it stands, and no run goes on."""
        self.until(_settled, "a quiet moment", within_s=within_s)


def _settled(tx: Transaction) -> bool:
    if tx.intents.list("pipeline_run", phases=_BUSY):
        return False
    if any(one.phase not in _NOT_ERASING for one in tx.intents.list("erasure")):
        return False
    now = datetime.now(UTC)
    return all(_at_rest(one, now) for kind in _FOLLOW_TIME for one in tx.intents.list(kind))


def _at_rest(follower: Intent, now: datetime) -> bool:
    """Whether nobody works on it and nobody has to: a clock that moves makes it due."""
    return follower.owner is None and (follower.due_at is None or follower.due_at > now)
