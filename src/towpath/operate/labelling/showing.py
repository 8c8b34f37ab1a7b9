"""Shows decisions to people: read from the log for one showing, recorded, and kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.operate.labelling.records import Item, Judgement
from towpath.operate.labelling.rows import keep, no_task
from towpath.operate.labelling.spec import TASK
from towpath.operate.labelling.tasks import asked, said

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import Decision
    from towpath.operate.labelling.comments import Comments
    from towpath.operate.labelling.spec import QueueSpec
    from towpath.operate.labelling.tasks import Answer

_log = structlog.get_logger()


class Showing:
    """Puts items together. A task whose decision is gone goes with it. Thread-safe."""

    def __init__(self, ledger: Ledger, decisions: DecisionLog, comments: Comments) -> None:
        self._ledger = ledger
        self._decisions = decisions
        self._comments = comments

    def lend(self, spec: QueueSpec, task: Intent, annotator: str, now: datetime) -> Item | None:
        """Keep a place for somebody and show them the item; None if it went to others meanwhile."""
        decision_id = asked(task).decision_id
        decision = self._decisions.find(decision_id)
        with self._ledger.write(actor=annotator) as tx:
            found = tx.intents.find(TASK, task.name)
            if found is None:
                return None
            if decision is None:
                self._drop(tx, task)
                return None
            state = said(found)
            if found.phase != "open" or not state.has_place(annotator, spec, now):
                return None
            until = now + spec.lease_span
            keep(tx, found, state.lent(annotator, until, now), spec, now)
            _record(tx, spec, decision_id)
        return self._item(spec, found, decision, annotator, until=until)

    def show(
        self,
        spec: QueueSpec,
        task: Intent,
        person: str,
        *,
        until: datetime,
        adjudicating: bool = False,
    ) -> Item:
        """Show an item to somebody whose place is kept, or who adjudicates and then sees everything.

        Raises:
            NotFound: The decision was erased, or its subject has withdrawn.
        """
        decision_id = asked(task).decision_id
        decision = self._decisions.find(decision_id)
        with self._ledger.write(actor=person) as tx:
            subject = asked(task).subject
            withdrawn = subject is not None and bool(tx.withdrawals.among([subject]))
            if decision is None:
                self._drop(tx, task)
            elif not withdrawn:
                _record(tx, spec, decision_id)
        if decision is None or withdrawn:
            raise no_task(spec.name, decision_id)
        return self._item(spec, task, decision, person, until=until, whole=adjudicating)

    def judgement(self, task: Intent, annotator: str, answer: Answer) -> Judgement:
        """Return what somebody said, with its comment in plain."""
        return Judgement(
            annotator=annotator,
            label=answer.label,
            comment=self._comments.read(task.name, answer.comment),
            at=answer.at,
            spent_s=answer.spent_s,
        )

    def _item(
        self,
        spec: QueueSpec,
        task: Intent,
        decision: Decision,
        person: str,
        *,
        until: datetime,
        whole: bool = False,
    ) -> Item:
        before = said(task).answers.get(person)
        return Item(
            queue=spec.name,
            decision_id=decision.decision_id,
            at=decision.at,
            model=decision.model,
            inputs={
                name: value
                for name, value in decision.inputs.items()
                if spec.show is None or name in spec.show
            },
            outputs=None if spec.blind and not whole else dict(decision.outputs),
            leased_until=until,
            mine=None if before is None else self.judgement(task, person, before),
        )

    def _drop(self, tx: Transaction, task: Intent) -> None:
        tx.intents.delete(TASK, task.name)
        self._comments.shred(task.name)
        _log.info("task.dropped", task=task.name)


def _record(tx: Transaction, spec: QueueSpec, decision_id: str) -> None:
    """Leave the same trace as any other reading of a decision's payload."""
    tx.events.append("decision.read", f"decision:{decision_id}", payload=True, queue=spec.name)
