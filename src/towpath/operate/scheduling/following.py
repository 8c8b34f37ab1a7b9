"""Carries schedules out: event time passes a moment, a run is wanted."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog

from towpath.build.pipelines.planning.wanting import (
    ENDED_PHASES,
    KIND,
    RunRequest,
    code_of,
    want_run,
)
from towpath.core.clock import parse_time
from towpath.operate.scheduling.declaration import Schedule
from towpath.operate.scheduling.occurrences import latest, occurrences
from towpath.operate.scheduling.pausing import is_paused

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent

_log = structlog.get_logger(__name__)
_ANSWERS_KEPT = 50
_SKIPPED_TOLD = 20
_LOOK_AGAIN_S = 30.0

Verdict = Literal["started", "skipped"]


class ScheduleState(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule's status.

    Attributes:
        until: Event time up to which moments were answered.
        next: The moment that comes next.
        run: The `pipeline_run` that was started last.
        answers: What became of the last moments, oldest first: `moment`, `verdict`, `why`.
    """

    until: str | None = None
    next: str | None = None
    run: str | None = None
    answers: tuple[dict[str, Any], ...] = ()


class ScheduleReconciler:
    """Reconciles intents of kind `schedule`, for ever.

    A moment is answered in the transaction that moves `until` past it, and its run is named after it:
    each is answered once. The first look begins at now, and so does the first one after a pause.

    Args:
        look_again_s: Longest wall time between two looks: the machine may have slept, or its time been
            set. A replayed clock wakes schedules besides, and so does the end of a run.
    """

    kinds: tuple[str, ...] = ("schedule",)

    def __init__(
        self, ledger: Ledger, clock: Clock, *, look_again_s: float = _LOOK_AGAIN_S
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._look_again_s = look_again_s

    def reconcile(self, held: Intent) -> None:
        """Answer the moments that came since the last look."""
        now = self._clock.now()
        with self._ledger.write(actor=f"schedule:{held.name}") as tx:
            look = _Look(tx, held, now)
            paused = is_paused(tx, "schedule", held.name)
            since = now if paused else look.answer()
            coming = next(occurrences(look.schedule.cron, look.schedule.tz, since), None)
            status = msgspec.structs.replace(
                look.state,
                until=since.isoformat(),
                next=None if coming is None else coming.isoformat(),
            )
            tx.intents.advance(
                held,
                phase="paused" if paused else "watching",
                status=msgspec.to_builtins(status),
                due_in_s=self._wait_s(coming, now),
            )

    def _wait_s(self, coming: datetime | None, now: datetime) -> float:
        """Return the wall time until the next look; a moment that waits for a run is behind us."""
        ahead_s = None if coming is None else (coming - now).total_seconds()
        if ahead_s is None or ahead_s <= 0:
            return self._look_again_s
        return min(ahead_s, self._look_again_s)


class _Look:
    """One look at a schedule, inside its transaction.

    Attributes:
        state: Where the schedule stands, with what was answered so far.
    """

    def __init__(self, tx: Transaction, held: Intent, now: datetime) -> None:
        self._tx = tx
        self._held = held
        self._now = now
        self.schedule = Schedule.from_spec(held.spec)
        self.state = msgspec.convert(held.status or {}, ScheduleState)

    def answer(self) -> datetime:
        """Answer what has come, and return up to when that is."""
        since = self._now if self.state.until is None else parse_time(self.state.until)
        if self.schedule.catch_up:
            return self._catch_up(since)
        self._keep_up(since)
        return max(since, self._now)

    def _keep_up(self, since: datetime) -> None:
        """Run for the newest moment that has come, and record that older ones are skipped."""
        newest = latest(self.schedule.cron, self.schedule.tz, self._now)
        if newest is None or newest <= since:
            return
        missed = islice(occurrences(self.schedule.cron, self.schedule.tz, since), _SKIPPED_TOLD)
        for moment in missed:
            if moment < newest:
                self._tell(moment, "skipped", "it was over when the schedule was looked at")
        going = self._open_run()
        if going is None:
            self._start(newest)
        else:
            self._tell(newest, "skipped", f"{going.name} is still {going.phase}")

    def _catch_up(self, since: datetime) -> datetime:
        """Run for the oldest moment that was not run for, unless a run is going on."""
        oldest = next(occurrences(self.schedule.cron, self.schedule.tz, since), None)
        if oldest is None or oldest > self._now or self._open_run() is not None:
            return since
        self._start(oldest)
        return oldest

    def _open_run(self) -> Intent | None:
        run = None if self.state.run is None else self._tx.intents.find(KIND, self.state.run)
        return None if run is None or run.phase in ENDED_PHASES else run

    def _start(self, moment: datetime) -> None:
        name = f"schedule.{self._held.name}.{moment:%Y%m%dt%H%M%Sz}"
        request = RunRequest(
            project=self._held.project,
            pipeline=str(self.schedule.pipeline),
            params=self.schedule.params,
            code=code_of(self._tx, self._held.project),
            at=moment,
            reason=f"schedule:{self._held.name}",
            wakes=("schedule", self._held.name),
        )
        want_run(self._tx, name, request)
        self.state = msgspec.structs.replace(self.state, run=name)
        self._tell(moment, "started", name)

    def _tell(self, moment: datetime, verdict: Verdict, why: str) -> None:
        told = {"moment": moment.isoformat(), "verdict": verdict, "why": why}
        self._tx.events.append("schedule.answered", f"schedule:{self._held.name}", **told)
        _log.info("schedule.answered", schedule=self._held.name, **told)
        answers = (*self.state.answers, told)[-_ANSWERS_KEPT:]
        self.state = msgspec.structs.replace(self.state, answers=answers)


__all__ = ["ScheduleReconciler", "ScheduleState"]
