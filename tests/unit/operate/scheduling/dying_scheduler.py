"""Workers that kill themselves with SIGKILL in the middle of, or right after, their nth write.

Usage: python dying_scheduler.py HOME. Each line `N` or `N+` on standard input forks a worker that dies
in (or just after) its nth write transaction; 0 lives on until nothing is due. Its exit status comes back
as a line. A pipeline run here is one event in the log, written in the transaction that ends it.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from towpath.app.clock import ReplayClock
from towpath.ledger import open_ledger
from towpath.ledger.controllers import ControllerLoop
from towpath.operate.scheduling import BackfillReconciler, ScheduleReconciler
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring


class DyingLedger:
    """A ledger whose process is killed in its nth write: before it is committed, or right after."""

    def __init__(self, ledger: Any, dies_at: str) -> None:
        self._ledger = ledger
        self._left = int(dies_at.rstrip("+"))
        self._after = dies_at.endswith("+")

    @contextmanager
    def write(self, **options: Any) -> Any:
        self._left -= 1
        with self._ledger.write(**options) as tx:
            yield tx
            if self._left == 0 and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class InstantRuns:
    """Performs pipeline runs by noting them in the log."""

    kinds = ("pipeline_run",)

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def reconcile(self, held: Any) -> None:
        with self._ledger.write() as tx:
            if held.phase != "done":
                tx.events.append("test.ran", f"pipeline_run:{held.name}")
            tx.intents.advance(held, phase="done")
            tx.intents.wake(*held.spec["wakes"])


def work(home: Path, dies_at: str) -> None:
    real = open_ledger(open_database(f"sqlite:///{home}/towpath.db"), FileKeyring(home / "keys"))
    ledger = DyingLedger(real, dies_at)
    reconcilers = [
        ScheduleReconciler(ledger, ReplayClock(real)),
        BackfillReconciler(ledger),
        InstantRuns(ledger),
    ]
    with real.write() as tx:
        tx.intents.release("dying")
    loop = ControllerLoop(ledger, reconcilers, owner="dying", lease_s=60)
    while loop.step():
        pass


def main(home: Path) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            work(home, line.strip())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
