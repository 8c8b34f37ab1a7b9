"""Backfills over a ledger: asked for, looked at, cancelled, taken up again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from towpath.build.pipelines.planning.wanting import KIND as RUN
from towpath.build.pipelines.planning.wanting import code_of
from towpath.build.pipelines.running.cancelling import cancel_run
from towpath.core.clock import as_utc, parse_time
from towpath.operate.scheduling.backfilling import KIND, PENDING, reason_of, run_name
from towpath.operate.scheduling.contract import BackfillStatus, WindowStatus
from towpath.operate.scheduling.windows import count_windows, window

if TYPE_CHECKING:
    import builtins

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.operate.scheduling.contract import BackfillRequest

_MOST = 100_000


class LedgerBackfills:
    """See `Backfills`: each is an intent, and so is each of its runs."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def start(self, request: BackfillRequest) -> BackfillStatus:
        """See `Backfills.start`."""
        since, until = as_utc(request.since), as_utc(request.until)
        windows = count_windows(since, until, request.every)
        prefix = f"{request.project}.{request.pipeline}."
        with self._ledger.write(actor="backfills") as tx:
            code = request.code or code_of(tx, request.project)
            number = 1 + sum(tx.intents.count(KIND, prefix=prefix).values())
            spec = {
                "project": request.project,
                "pipeline": request.pipeline,
                "code": code,
                "since": since.isoformat(),
                "until": until.isoformat(),
                "every_s": request.every.total_seconds(),
                "windows": windows,
                "parallel": max(1, request.parallel),
                "params": dict(request.params),
                "pins": dict(request.pins),
                "candidates": request.candidates,
                "cancelled": False,
                "tries": 1,
            }
            row = tx.intents.put(KIND, f"{prefix}{number}", project=request.project, spec=spec)
            return _status(tx, row)

    def get(self, name: str) -> BackfillStatus:
        """See `Backfills.get`."""
        with self._ledger.read() as tx:
            return _status(tx, tx.intents.get(KIND, name))

    def list(self, *, project: str | None = None) -> list[BackfillStatus]:
        """See `Backfills.list`."""
        with self._ledger.read() as tx:
            rows = tx.intents.list(KIND, project=project, newest_first=True)
            return [_status(tx, row) for row in rows]

    def windows(self, name: str) -> builtins.list[WindowStatus]:
        """See `Backfills.windows`."""
        with self._ledger.read() as tx:
            backfill = tx.intents.get(KIND, name)
            runs = tx.intents.list(RUN, prefix=run_name(name), limit=_MOST)
        return sorted((_window(backfill, run) for run in runs), key=lambda one: one.span.since)

    def cancel(self, name: str, *, now: bool = False) -> BackfillStatus:
        """See `Backfills.cancel`."""
        status = self._want(name, cancelled=True)
        if now:
            with self._ledger.read() as tx:
                going = tx.runs.list(
                    project=status.project, kind="pipeline", status="running", limit=_MOST
                )
            for run in going:
                if run.tags.get("reason") == reason_of(name):
                    cancel_run(self._ledger, run.id, reason=f"backfill {name} was cancelled")
        return status

    def retry(self, name: str) -> BackfillStatus:
        """See `Backfills.retry`."""
        return self._want(name, cancelled=False)

    def _want(self, name: str, *, cancelled: bool) -> BackfillStatus:
        with self._ledger.write(actor="backfills") as tx:
            row = tx.intents.get(KIND, name)
            if cancelled and row.phase in ("done", "failed"):
                return _status(tx, row)
            spec = {**row.spec, "cancelled": cancelled}
            if not cancelled:
                spec["tries"] = row.spec["tries"] + 1
            return _status(tx, tx.intents.put(KIND, name, project=row.project, spec=spec))


def _status(tx: Transaction, row: Intent) -> BackfillStatus:
    spec = row.spec
    counts = tx.intents.count(RUN, prefix=run_name(row.name))
    pending = spec["windows"] - sum(counts.values())
    return BackfillStatus(
        name=row.name,
        project=row.project,
        pipeline=spec["pipeline"],
        phase=row.phase,
        since=parse_time(spec["since"]),
        until=parse_time(spec["until"]),
        every=timedelta(seconds=spec["every_s"]),
        parallel=spec["parallel"],
        windows=spec["windows"],
        counts={**counts, **({PENDING: pending} if pending else {})},
        created_at=row.created_at,
    )


def _window(backfill: Intent, run: Intent) -> WindowStatus:
    spec = backfill.spec
    index = int(run.name.rpartition(".")[2])
    every = timedelta(seconds=spec["every_s"])
    return WindowStatus(
        span=window(parse_time(spec["since"]), parse_time(spec["until"]), every, index),
        run=run.name,
        phase=run.phase,
        run_id=run.status.get("run"),
        error=run.status.get("error"),
    )


__all__ = ["LedgerBackfills"]
