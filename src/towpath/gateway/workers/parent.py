"""The parent of a gateway's workers: forks them, replaces what dies or asks to, drains and rolls.

Workers are forked from a process that has imported everything and opened nothing, so a new one begins in a
fraction of the time that an interpreter takes to start, and shares the pages of the code. The parent holds the
listening socket and never accepts: connections that come while a worker is away wait in its queue or go to the
others. https://man7.org/linux/man-pages/man7/signal.7.html for what is waited for.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from towpath.app.supervising import die_with
from towpath.core.errors import UsageError
from towpath.gateway.workers.roster import Seat, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.gateway.workers.roster import Roster

READY_WITHIN_S: Final = 60.0
"""How long a replacement may take to be ready; after that the worker before it stays."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_LOOK_S: Final = 0.05
_STEADY_S: Final = 10.0
_BACKOFF_MOST_S: Final = 5.0

_FAILED: Final = 1
_MISUSED: Final = 2

_log = structlog.get_logger()


@dataclass(slots=True)
class _Worker:
    """A forked process.

    Attributes:
        replaces: The worker that ends when this one is ready.
        ends_at: When it is killed, once it was told to end.
    """

    seat: Seat
    pid: int
    started: float
    replaces: _Worker | None = None
    ends_at: float | None = None


class Workers:
    """Keeps so many workers serving until told to stop. Runs in the main thread of a process with no other.

    SIGTERM and SIGINT drain all workers and return. SIGHUP replaces them one by one: the next is ready
    before the one before is told to end. A worker that dies is started again, at once if it had lived for
    ten seconds and later and later otherwise; one that asks to be replaced is, as by SIGHUP.

    Args:
        roster: Where workers say how they are; as many as it was made for are kept.
        serve: What a worker does; it ends on SIGTERM, after the requests under way.
        drain_s: How long a worker that was told to end may take before it is killed.
    """

    def __init__(self, roster: Roster, serve: Callable[[Seat], None], *, drain_s: float) -> None:
        self._roster = roster
        self._serve = serve
        self._drain_s = drain_s
        self._workers: dict[int, _Worker] = {}
        self._to_roll: list[int] = []
        self._stopping = False
        self._was_ready = False
        self._failures = 0
        self._start_at = 0.0

    def run(self) -> None:
        """Keep them until SIGTERM or SIGINT.

        Raises:
            UsageError: The first of them found that it can't serve as it was told to.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        gc.collect()
        gc.freeze()  # what is here is shared for as long as no collection touches it
        try:
            while not self._stopping or self._workers:
                self._keep()
                busy = self._stopping or self._to_roll or self._is_waiting()
                told = signal.sigtimedwait(_SIGNALS, _LOOK_S if busy else 10 * _LOOK_S)
                if told is not None:
                    self._hear(signal.Signals(told.si_signo))
                self._bury()
        finally:
            for worker in self._workers.values():
                os.kill(worker.pid, signal.SIGKILL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _is_waiting(self) -> bool:
        """Whether something is bound to happen soon: a start, or a replacement that gets ready."""
        missing = len(self._serving()) < self._roster.count
        return missing or any(worker.replaces for worker in self._workers.values())

    def _serving(self) -> list[_Worker]:
        """Return the workers that were not told to end, but for replacements of such."""
        return [
            worker
            for worker in self._workers.values()
            if worker.ends_at is None and worker.replaces is None
        ]

    def _hear(self, number: signal.Signals) -> None:
        if number in (signal.SIGTERM, signal.SIGINT) and not self._stopping:
            _log.info("gateway.stopping", signal=number.name)
            self._stopping = True
            self._to_roll.clear()
            for worker in self._workers.values():
                self._end(worker)
        elif number == signal.SIGHUP and not self._stopping:
            _log.info("gateway.rolling", workers=len(self._workers))
            self._to_roll = [worker.pid for worker in self._serving()]

    def _keep(self) -> None:
        """Start what is missing, and go on with what is being replaced."""
        now = time.monotonic()
        for worker in list(self._workers.values()):
            if worker.ends_at is not None and now > worker.ends_at:
                _log.warning("worker.killed", pid=worker.pid, drain_s=self._drain_s)
                os.kill(worker.pid, signal.SIGKILL)
                worker.ends_at = float("inf")
        if self._stopping:
            return
        self._was_ready = self._was_ready or self._roster.fewest() is not None
        while len(self._serving()) < self._roster.count and now >= self._start_at:
            if not self._start(None):
                break
        for worker in self._serving():
            wants_out = worker.seat.wants_out and now - worker.started > _STEADY_S
            if wants_out and worker.pid not in self._to_roll:
                self._to_roll.append(worker.pid)
        self._roll(now)

    def _roll(self, now: float) -> None:
        """Replace one worker at a time."""
        coming = next((one for one in self._workers.values() if one.replaces), None)
        if coming is not None:
            if coming.seat.stage == Stage.READY:
                assert coming.replaces is not None
                coming.replaces, leaving = None, coming.replaces
                self._end(leaving)
            elif now - coming.started > READY_WITHIN_S and coming.ends_at is None:
                _log.error("worker.unready", pid=coming.pid, within_s=READY_WITHIN_S)
                self._to_roll.clear()
                self._end(coming)
            return
        while self._to_roll:
            leaving = self._workers.get(self._to_roll[0])
            wanted = leaving is not None and leaving.ends_at is None
            if wanted and not self._start(leaving):
                return  # it is its turn still
            self._to_roll.pop(0)
            if wanted:
                return

    def _start(self, replaces: _Worker | None) -> bool:
        """Start a worker, unless those that were told to end take all rows of the roster still."""
        taken = {worker.seat.number for worker in self._workers.values()}
        free = [seat for seat in self._roster.seats() if seat.number not in taken]
        if not free:
            return False
        seat = min(free, key=lambda one: one.number)
        seat.take(replaces=replaces is not None)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be(seat, parent)
        self._workers[pid] = _Worker(seat, pid, time.monotonic(), replaces)
        _log.info("worker.started", worker=seat.number, pid=pid)
        return True

    def _be(self, seat: Seat, parent: int) -> None:
        """Be the worker, and never return."""
        code = _FAILED
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(
                signal.SIGHUP, signal.SIG_IGN
            )  # it is for the parent, if a terminal sends it
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            die_with(parent)
            self._serve(seat)
            code = 0
        except UsageError as error:
            code = _MISUSED
            _log.error("worker.misused", reason=error.message, remedy=error.remedy)
        except BaseException as error:  # noqa: BLE001 - a forked child must not run the parent's code
            _log.error("worker.failed", reason=str(error), kind=type(error).__name__)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _end(self, worker: _Worker) -> None:
        if worker.ends_at is None:
            worker.ends_at = time.monotonic() + self._drain_s
            os.kill(worker.pid, signal.SIGTERM)

    def _bury(self) -> None:
        """Take note of workers that are gone."""
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            worker = self._workers.pop(pid, None)
            if worker is None:
                continue
            worker.seat.clear()
            for other in self._workers.values():
                if other.replaces is worker:  # died meanwhile: its replacement takes its place
                    other.replaces = None
            if worker.ends_at is not None:
                _log.info("worker.ended", worker=worker.seat.number, pid=pid)
                continue
            code = os.waitstatus_to_exitcode(status)
            if worker.replaces is not None:
                _log.error("worker.unready", pid=pid, exit_code=code)
                self._to_roll.clear()
                continue
            if code == _MISUSED and not self._was_ready:
                raise UsageError(
                    "the gateway's workers can't start",
                    remedy="Their log says why, and what to do.",
                )
            lived_s = time.monotonic() - worker.started
            self._failures = 0 if lived_s > _STEADY_S else self._failures + 1
            wait_s = min(_BACKOFF_MOST_S, 0.05 * 2**self._failures) if self._failures > 1 else 0.0
            self._start_at = time.monotonic() + wait_s
            _log.warning("worker.lost", pid=pid, exit_code=code, restart_in_s=wait_s)
