"""What starts runs, from the rows of those who carry it out."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.build.pipelines.planning.wanting import ENDED_PHASES, KIND
from towpath.operate.scheduling import LedgerBackfills, Schedule, ScheduleState, is_paused
from towpath.operate.scheduling.occurrences import occurrences
from towpath.operate.triggers import On
from towpath.server.resources.starts import (
    BackfillDetail,
    BackfillSummary,
    BackfillWindow,
    RunSchedule,
    RunTrigger,
    StartAnswer,
    WantedRun,
)
from towpath.server.views.values import fields_of, items, moment, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.operate.scheduling import BackfillStatus

_COMING = 5


def list_schedules(tx: Transaction, project: str | None, now: datetime) -> list[RunSchedule]:
    """Return schedules by name."""
    rows = tx.intents.list("schedule", project=project)
    return [_schedule(tx, row, now) for row in sorted(rows, key=lambda row: row.name)]


def list_triggers(tx: Transaction, project: str | None) -> list[RunTrigger]:
    """Return triggers by name."""
    rows = tx.intents.list("trigger", project=project)
    return [_trigger(tx, row) for row in sorted(rows, key=lambda row: row.name)]


def list_backfills(ledger: Ledger, project: str | None) -> list[BackfillSummary]:
    """Return backfills, newest first."""
    return [_backfill(one) for one in LedgerBackfills(ledger).list(project=project)]


def get_backfill(ledger: Ledger, name: str) -> BackfillDetail:
    """Return a backfill with its windows. Raises `NotFound`."""
    backfills = LedgerBackfills(ledger)
    summary = _backfill(backfills.get(name))
    started = [
        BackfillWindow(
            since=one.span.since,
            until=one.span.until,
            phase=one.phase,
            run=one.run_id,
            error=one.error,
        )
        for one in backfills.windows(name)
    ]
    return BackfillDetail(**fields_of(summary), started=started)


def list_wanted(tx: Transaction, project: str | None) -> list[WantedRun]:
    """Return runs that are wanted and not over, oldest first."""
    phases = [phase for phase in tx.intents.count(KIND) if phase not in ENDED_PHASES]
    rows = tx.intents.list(KIND, project=project, phases=phases) if phases else []
    return [
        WantedRun(
            name=row.name,
            project=row.project,
            pipeline=text(row.spec.get("pipeline")),
            phase=row.phase,
            reason=text(row.spec.get("reason")),
            at=moment(row.spec.get("at")),
            blocker=text(row.status.get("blocker")),
            asked_at=row.created_at,
        )
        for row in rows
    ]


def _schedule(tx: Transaction, row: Intent, now: datetime) -> RunSchedule:
    declared = Schedule.from_spec(row.spec)
    state = msgspec.convert(row.status or {}, ScheduleState)
    paused = is_paused(tx, "schedule", row.name)
    since = now if paused else moment(state.until) or now
    return RunSchedule(
        name=row.name,
        project=row.project,
        pipeline=str(declared.pipeline),
        cron=declared.cron,
        tz=declared.tz,
        catch_up=declared.catch_up,
        state="paused" if paused else "watching",
        coming=list(islice(occurrences(declared.cron, declared.tz, since), _COMING)),
        params=texts(declared.params),
        answers=_answers(state.answers),
    )


def _trigger(tx: Transaction, row: Intent) -> RunTrigger:
    declared = On.from_spec(row.spec)
    kind, on = _awaited(declared)
    return RunTrigger(
        name=row.name,
        project=row.project,
        kind=kind,
        on=on,
        source=declared.source or "",
        pipeline=text(declared.pipeline),
        cooldown=declared.cooldown,
        state="paused" if is_paused(tx, "trigger", row.name) else "watching",
        waiting=row.status.get("waiting"),
        started=moment(row.status.get("started")),
        answers=_answers(items(row.status.get("answers"))),
    )


def _awaited(trigger: On) -> tuple[str, str]:
    if trigger.dataset is not None:
        return "dataset", str(trigger.dataset)
    if trigger.erasure is not None:
        return "erasure", str(trigger.erasure)
    if trigger.event is not None:
        return "event", trigger.event
    return "alert", ", ".join(trigger.alert or ())


def _answers(told: Iterable[dict[str, Any]]) -> list[StartAnswer]:
    """Return what became of the last news, newest first; what names no time is left out."""
    found: list[StartAnswer] = []
    for one in told:
        at = moment(one.get("moment", one.get("at")))
        if at is not None:
            what = next((one[noun] for noun in ("alert", "version", "event") if noun in one), "")
            verdict, why = text(one.get("verdict")), text(one.get("why"))
            found.append(StartAnswer(at=at, what=text(what), verdict=verdict, why=why))
    return found[::-1]


def _backfill(status: BackfillStatus) -> BackfillSummary:
    return BackfillSummary(
        name=status.name,
        project=status.project,
        pipeline=status.pipeline,
        phase=status.phase,
        since=status.since,
        until=status.until,
        every_s=status.every.total_seconds(),
        parallel=status.parallel,
        windows=status.windows,
        counts=dict(status.counts),
        created_at=status.created_at,
    )
