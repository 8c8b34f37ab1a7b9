"""Carries queues out: draws tasks from each day of event time, and seals what people have settled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.core.clock import SystemClock
from towpath.core.errors import InvalidProject
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.operate.labelling.comments import Comments
from towpath.operate.labelling.drawing import DAY, Drawer, day_of, days_to_draw
from towpath.operate.labelling.sealing import Sealer, freeze, ripe
from towpath.operate.labelling.spec import QUEUE, TASK, QueueSpec
from towpath.operate.labelling.state import QueueState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from towpath.assets.datasets import DatasetStore
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.labelling.drawing import Day
    from towpath.operate.labelling.sealing import Batch
    from towpath.storage.keys import Keyring

_DAYS_PER_STEP = 8
_log = structlog.get_logger()


class LabelQueueReconciler:
    """Reconciles intents of kind `label_queue`, for ever: phase `asking`, or `waiting` while idle.

    A day is drawn from once it is over, and only once: its tasks and the new watermark are one
    transaction. Which decisions it draws follows from the log and the declaration alone, so a step that
    is killed draws the same again.

    Args:
        ledger: Holds queues and tasks.
        keyring: Reads the comments that are sealed.
        decisions: What is drawn from.
        datasets: Where labels end up.
        clock: Event time.
        directory: The folder of raw segments, by which labels go back to the log.
        settle: How much event time passes until all decisions of a moment are in the log.
        undo: How long people can take a label back, at least, in wall time.
        gather: How long a settled label waits for others before a version is made of them.
        poll_s: Wall time between two looks.
        wall: Wall time.
    """

    kinds: tuple[str, ...] = (QUEUE,)

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        decisions: DecisionLog,
        datasets: DatasetStore,
        clock: Clock,
        *,
        directory: Path,
        settle: timedelta = timedelta(minutes=1),
        undo: timedelta = timedelta(minutes=1),
        gather: timedelta = timedelta(minutes=5),
        poll_s: float = 5.0,
        wall: Clock | None = None,
    ) -> None:
        comments = Comments(keyring)
        self._ledger = ledger
        self._clock = clock
        self._drawer = Drawer(ledger, decisions, datasets)
        self._sealer = Sealer(ledger, decisions, datasets, comments, directory)
        self._settle = settle
        self._undo = undo
        self._gather = gather
        self._poll_s = poll_s
        self._wall = wall or SystemClock()

    def reconcile(self, held: Intent) -> None:
        """Seal what is ripe, or else draw from the days that are over, a week of them at most."""
        spec, state = QueueSpec.of(held), msgspec.convert(held.status or {}, QueueState)
        with self._ledger.read() as tx:
            now = self._wall.now()
            sealing = ripe(tx, spec, now, after=self._undo, gather=self._gather)
        if sealing:
            self._seal(held, spec, state, now)
        else:
            self._draw(held, spec, state)

    def _seal(self, held: Intent, spec: QueueSpec, state: QueueState, now: datetime) -> None:
        run = state.run or new_id()
        with self._ledger.write(actor="labelling") as tx:
            batch = freeze(tx, spec, now, after=self._undo)
            state = msgspec.structs.replace(state, run=run)
            _begin(tx, spec, batch, run)
            tx.intents.advance(held, status=state.to_json(), keep=True)
        done = msgspec.structs.replace(state, run=None, sealed=state.sealed + len(batch.entries))

        def drop(tx: Transaction) -> None:
            for task, _, _ in batch.entries:
                tx.intents.delete(TASK, task.name)
            tx.runs.finish(run, "finished")
            tx.intents.advance(held, status=done.to_json(), due_in_s=0.0)

        self._sealer.seal(spec, batch, run=run, complete=drop)
        _log.info("labels.sealed", queue=spec.name, tasks=len(batch.entries))

    def _draw(self, held: Intent, spec: QueueSpec, state: QueueState) -> None:
        now = self._clock.now()
        days = days_to_draw(spec, state.drawn_until, now, self._settle, most=_DAYS_PER_STEP)
        with self._ledger.read() as tx:
            waiting = tx.intents.count(TASK, prefix=f"{spec.name}.").get("open", 0)
        state = msgspec.structs.replace(
            state, drawn_until=state.drawn_until or day_of(now) - DAY, idle=None
        )
        drawn: list[Day] = []
        for since in days:
            if waiting >= spec.backlog:
                left_out = state.days_left_out + 1
                state = msgspec.structs.replace(
                    state, drawn_until=since + DAY, days_left_out=left_out
                )
                continue
            try:
                day = self._drawer.draw(spec, since)
            except InvalidProject as error:
                state = msgspec.structs.replace(state, idle=str(error))
                break
            drawn.append(day)
            waiting += len(day.tasks)
            state = msgspec.structs.replace(state, drawn_until=since + DAY)
        more = len(days) == _DAYS_PER_STEP and state.idle is None
        self._save(held, spec, state, drawn, due_in_s=0.0 if more else self._poll_s)

    def _save(
        self,
        held: Intent,
        spec: QueueSpec,
        state: QueueState,
        days: Sequence[Day],
        *,
        due_in_s: float,
    ) -> None:
        with self._ledger.write(actor="labelling") as tx:
            new = sum(day.declare(tx, spec) for day in days)
            state = msgspec.structs.replace(state, drawn=state.drawn + new)
            tx.intents.advance(
                held,
                phase="asking" if state.idle is None else "waiting",
                status=state.to_json(),
                due_in_s=due_in_s,
            )
        if new:
            _log.info("labels.drawn", queue=spec.name, tasks=new)


def _begin(tx: Transaction, spec: QueueSpec, batch: Batch, run: str) -> None:
    """Record the run that makes the next versions, and whose decisions they are about."""
    started = tx.runs.start(
        kind="labelling",
        name=spec.name,
        project=spec.project,
        run_id=run,
        params={"service": spec.service, "sample": spec.sample, "annotators": spec.annotators},
        tags={"queue": spec.name},
    )
    for model in batch.models:
        tx.graph.link(started.ref, "used", Ref.parse(model, "model"))
