"""Tasks as rows of the ledger: found, kept, and refused to whoever may not touch them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import Conflict, NotFound
from towpath.operate.labelling.spec import TASK, QueueSpec
from towpath.operate.labelling.tasks import said

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent
    from towpath.operate.labelling.records import TaskPhase
    from towpath.operate.labelling.tasks import TaskState


def tasks_of(tx: Transaction, queue: str, *phases: TaskPhase) -> list[Intent]:
    """Return a queue's tasks, those in some phases if given."""
    return tx.intents.list(TASK, prefix=f"{queue}.", phases=phases or None, limit=None)


def find_task(tx: Transaction, queue: str, decision_id: str) -> tuple[QueueSpec, Intent, TaskState]:
    """Return the task that asks about a decision. Raises `NotFound`."""
    spec = QueueSpec.named(tx, queue)
    task = tx.intents.find(TASK, spec.task(decision_id))
    if task is None:
        raise no_task(queue, decision_id)
    return spec, task, said(task)


def no_task(queue: str, decision_id: str) -> NotFound:
    """Return the error for a decision that is no task of a queue."""
    return NotFound(
        f"decision {decision_id!r} is no task of queue {queue!r}",
        remedy="Its label is in the labelled set already, or its subject was erased. Take the next.",
        kind="label task",
        name=decision_id,
    )


def keep(
    tx: Transaction, task: Intent, state: TaskState, spec: QueueSpec, now: datetime
) -> TaskPhase:
    """Store a state, and return the phase that it leads to."""
    phase = state.phase(spec)
    tx.intents.report(task.kind, task.name, status=state.at_rest(spec, now).to_json(), phase=phase)
    return phase


def refuse_sealing(task: Intent) -> None:
    """Raise `Conflict` if a task's label is being written into the labelled set."""
    if task.phase == "sealing":
        raise Conflict(
            "the label is being written into the labelled set just now",
            remedy="Try again in a moment; it can then be contested.",
            task=task.name,
        )


def require_place(
    spec: QueueSpec, task: Intent, state: TaskState, annotator: str, now: datetime
) -> None:
    """Raise `Conflict` unless somebody may answer, or answer again."""
    refuse_sealing(task)
    if state.verdict is not None:
        raise Conflict(
            f"{state.verdict.adjudicator} has adjudicated this decision",
            remedy="Contest its label if it is wrong.",
            task=task.name,
        )
    if annotator in state.answers:
        return
    if task.phase != "open" or not state.has_place(annotator, spec, now):
        raise Conflict(
            f"{spec.annotators} others judge this decision by now",
            remedy="The time to answer ran out; take the next item.",
            task=task.name,
        )


def require_dispute(spec: QueueSpec, task: Intent, adjudicator: str) -> None:
    """Raise `Conflict` unless a task is disputed, and somebody may decide it."""
    if spec.adjudicators and adjudicator not in spec.adjudicators:
        raise Conflict(
            f"{adjudicator} is no adjudicator of queue {spec.name!r}",
            remedy=f"Ask one of: {', '.join(spec.adjudicators)}.",
            queue=spec.name,
        )
    if task.phase != "disputed":
        raise Conflict(
            "this decision is not disputed",
            remedy="Somebody decided it; take the next.",
            task=task.name,
        )
