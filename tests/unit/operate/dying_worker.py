"""Workers that kill themselves with SIGKILL in the middle of their nth write transaction.

Usage: python dying_worker.py HOME. Each number on standard input forks a worker that dies at that
write (0: not at all); its exit status comes back as a line. Forking saves importing for each worker.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sklearn.linear_model  # noqa: F401 - what scoring needs, imported before the fork
import skops.io  # noqa: F401 - likewise

from towpath.app.clock import ReplayClock
from towpath.ledger import open_ledger
from towpath.ledger.controllers import ControllerLoop
from towpath.operate.decisions import SegmentDecisionLog
from towpath.operate.monitoring.reconciler import MonitorReconciler
from towpath.operate.releases import LedgerReleases
from towpath.operate.rollouts.reconciler import RolloutReconciler
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring


class DyingLedger:
    """A ledger whose process is killed when the nth write has done its work but not committed."""

    def __init__(self, ledger: Any, dies_at: int) -> None:
        self._ledger = ledger
        self._left = dies_at

    @contextmanager
    def write(self, **options: Any) -> Any:
        with self._ledger.write(**options) as tx:
            yield tx
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def work(home: Path, dies_at: int) -> None:
    blobs = open_blobs(f"file://{home}/blobs")
    real = open_ledger(open_database(f"sqlite:///{home}/towpath.db"), FileKeyring(home / "keys"))
    decisions = SegmentDecisionLog(real, blobs, home / "decisions")
    ledger, clock, releases = DyingLedger(real, dies_at), ReplayClock(real), LedgerReleases()
    parts = (ledger, blobs, decisions, releases, clock)
    reconcilers = [RolloutReconciler(*parts, poll_s=0.0), MonitorReconciler(*parts, poll_s=0.0)]
    with real.write() as tx:
        tx.intents.release("dying")
    loop = ControllerLoop(ledger, reconcilers, owner="dying", lease_s=60)
    for _ in range(12):  # by then every row has been looked at several times without news
        loop.step()


def main(home: Path) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            work(home, int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


main(Path(sys.argv[1]))
