"""Runs declared ingests again and again: a row says how often, a child process does it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import structlog

from towpath.build.compute import run_command
from towpath.core.clock import parse_time
from towpath.core.durations import parse_duration
from towpath.core.errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent

_log = structlog.get_logger()
_POLL_S = 10.0
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 2.0, 300.0


class IngestReconciler:
    """Reconciles intents of kind `ingest`: whenever their `every` has passed, the source is read.

    The project's code runs in a child process that ends with this one. A worker that is killed takes
    the child along, and whoever claims the row next starts it again: the load that it had begun is
    carried on. Trouble with disk, database or network is tried again with back-off; anything else
    waits for the next time, since a mended source is looked at then. Times that were missed are not
    made up for: one reading brings what all of them would have.

    Phases: `waiting`, `running`; `idle` for ingests that only people start.

    Args:
        ledger: Where the rows are.
        clock: Event time, which `every` counts.
        command: Gives the command line for a row. Its last line on standard output is a JSON object,
            and it exits as `towpath dataset ingest` does: 0 done, 5 worth a retry, else failed.
        stop: Once set, children are ended and their rows given back.
        cwd: Where the command runs.
        poll_s: Wall time between two looks at the clock.
    """

    kinds = ("ingest",)

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        command: Callable[[Intent], Sequence[str]],
        *,
        stop: threading.Event | None = None,
        cwd: Path | None = None,
        poll_s: float = _POLL_S,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._command = command
        self._stop = stop or threading.Event()
        self._cwd = cwd
        self._poll_s = poll_s

    def reconcile(self, held: Intent) -> None:
        """Run the ingest if it is time."""
        if held.spec.get("every") is None:
            self._advance(held, "idle", held.status)
            return
        now = self._clock.now()
        due = _due(held)
        if due is not None and now < due:
            self._advance(held, "waiting", held.status, due_in_s=self._poll_s)
            return
        with self._ledger.write(actor="ingest") as tx:
            held = tx.intents.advance(held, phase="running", status=held.status, keep=True)
        ended = run_command(self._command(held), stop=self._stop, cwd=self._cwd)
        if ended.code is None:
            self._advance(held, "running", held.status, due_in_s=0)
            return
        self._note(held, ended.code, ended.said, now)

    def _note(self, held: Intent, code: int, said: dict[str, Any], began: datetime) -> None:
        """Record how it went, and when to look again."""
        failures = int(held.status.get("failures", 0)) + 1 if code else 0
        after = (began + parse_duration(held.spec["every"])).isoformat()
        status = {"began": began.isoformat(), "failures": failures, "exit_code": code, **said}
        if code < 0 or code == InfrastructureError.exit_code:
            wait_s = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** min(failures - 1, 10))
            _log.warning("ingest.retried", name=held.name, exit_code=code, in_s=wait_s)
            self._advance(held, "waiting", {**status, "next": None}, due_in_s=wait_s)
            return
        _log.info("ingest.ended", name=held.name, exit_code=code)
        self._advance(held, "waiting", {**status, "next": after}, due_in_s=self._poll_s)

    def _advance(
        self, held: Intent, phase: str, status: dict[str, Any], *, due_in_s: float | None = None
    ) -> None:
        with self._ledger.write(actor="ingest") as tx:
            tx.intents.advance(held, phase=phase, status=status, due_in_s=due_in_s)


def _due(held: Intent) -> datetime | None:
    after = held.status.get("next")
    return None if after is None else parse_time(after)
