"""Event time that every process of a home shares, because it is a row in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.clock import SystemClock, as_utc, parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction

_KIND, _NAME = "clock", "default"
_FOLLOWERS = ("ingest", "label_queue", "monitor", "rollout", "schedule", "trigger")


class ReplayClock:
    """Event time that stands where it was last set, in every process that opens the home.

    Until it is first set it shows the system's time.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._system = SystemClock()

    def now(self) -> datetime:
        """Return the time last set."""
        with self._ledger.read() as tx:
            stands = _read(tx)
        return self._system.now() if stands is None else stands

    def advance_to(self, when: datetime) -> datetime:
        """Move the clock forward and wake what follows it; return where it stands.

        An earlier time leaves the clock where it is. Moving it is a report, not an event: the log is
        for what happened, and the passing of time is in every entry of it.
        """
        with self._ledger.write(actor="clock") as tx:
            stands = _read(tx)
            target = as_utc(when) if stands is None else max(as_utc(when), stands)
            tx.intents.put(_KIND, _NAME, project="towpath", spec={}, due=False)
            tx.intents.report(_KIND, _NAME, status={"now": target.isoformat()})
            for kind in _FOLLOWERS:
                for follower in tx.intents.list(kind):
                    if follower.due_at is not None:
                        tx.intents.wake(kind, follower.name)
        return target


def _read(tx: Transaction) -> datetime | None:
    row = tx.intents.find(_KIND, _NAME)
    return None if row is None or "now" not in row.status else parse_time(row.status["now"])


def open_clock(ledger: Ledger, *, replay: bool) -> Clock:
    """Return the clock that the settings ask for."""
    return ReplayClock(ledger) if replay else SystemClock()
