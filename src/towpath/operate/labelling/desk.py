"""The labelling desk over tasks in the ledger: see `LabelDesk` for what it promises."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from towpath.core.clock import SystemClock
from towpath.core.errors import Conflict, InvalidRequest
from towpath.core.refs import check_name
from towpath.operate.labelling.comments import Comments
from towpath.operate.labelling.erasing import erase_tasks, tasks_about
from towpath.operate.labelling.records import Dispute, DisputedItem
from towpath.operate.labelling.reopening import reopened
from towpath.operate.labelling.rows import (
    find_task,
    keep,
    refuse_sealing,
    require_dispute,
    require_place,
    tasks_of,
)
from towpath.operate.labelling.showing import Showing
from towpath.operate.labelling.spec import QUEUE, TASK, QueueSpec
from towpath.operate.labelling.standing import agreement_of, progress_of
from towpath.operate.labelling.tasks import Answer, Verdict, asked, order_of_asking, said

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from towpath.assets.datasets import DatasetStore
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent, Json
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.labelling.records import (
        Agreement,
        ErasedTasks,
        Item,
        Progress,
        TaskPhase,
    )
    from towpath.storage.keys import Keyring


class LedgerLabelDesk:
    """Implements `LabelDesk`.

    Args:
        ledger: Holds the tasks.
        keyring: Seals comments.
        decisions: What items are shown from.
        datasets: Holds what is sealed.
        clock: Event time.
        wall: Wall time, which leases run by.
    """

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        decisions: DecisionLog,
        datasets: DatasetStore,
        clock: Clock,
        *,
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._comments = Comments(keyring)
        self._decisions = decisions
        self._datasets = datasets
        self._clock = clock
        self._wall = wall or SystemClock()
        self._showing = Showing(ledger, decisions, self._comments)

    # -- how far it is ---------------------------------------------------------------------------------

    def queues(self) -> list[Progress]:
        """See `LabelDesk.queues`."""
        with self._ledger.read() as tx:
            found = [progress_of(tx, one) for one in tx.intents.list(QUEUE)]
        return sorted(found, key=lambda progress: progress.queue)

    def progress(self, queue: str) -> Progress:
        """See `LabelDesk.progress`."""
        with self._ledger.read() as tx:
            QueueSpec.named(tx, queue)
            return progress_of(tx, tx.intents.get(QUEUE, queue))

    def agreement(self, queue: str) -> Agreement:
        """See `LabelDesk.agreement`."""
        with self._ledger.read() as tx:
            spec = QueueSpec.named(tx, queue)
            tasks = tasks_of(tx, queue)
        return agreement_of(spec, tasks, self._datasets)

    # -- people ----------------------------------------------------------------------------------------

    def next(self, queue: str, *, annotator: str) -> Item | None:
        """See `LabelDesk.next`."""
        check_name(annotator, "annotator's name")
        with self._ledger.read() as tx:
            spec = QueueSpec.named(tx, queue)
            tasks = tasks_of(tx, queue, "open")
            gone = tx.withdrawals.among({task.spec["subject"] for task in tasks} - {None})
        now = self._wall.now()
        offered = [
            (not state.has_lease(annotator, now), order_of_asking(task, state), task)
            for task, state in ((task, said(task)) for task in tasks)
            if annotator not in state.answers
            and task.spec["subject"] not in gone
            and state.has_place(annotator, spec, now)
        ]
        for _, _, task in sorted(offered, key=lambda one: one[:2]):
            item = self._showing.lend(spec, task, annotator, now)
            if item is not None:
                return item
        return None

    def renew(self, queue: str, decision_id: str, *, annotator: str) -> datetime:
        """See `LabelDesk.renew`."""
        check_name(annotator, "annotator's name")
        now = self._wall.now()
        with self._ledger.write(actor=annotator) as tx:
            spec, task, state = find_task(tx, queue, decision_id)
            require_place(spec, task, state, annotator, now)
            until = now + spec.lease_span
            keep(tx, task, state.lent(annotator, until, now), spec, now)
        return until

    def judge(
        self,
        queue: str,
        decision_id: str,
        label: str,
        *,
        annotator: str,
        comment: str = "",
        spent_s: float | None = None,
    ) -> TaskPhase:
        """See `LabelDesk.judge`."""
        return self._answer(
            queue, decision_id, label, annotator=annotator, comment=comment, spent_s=spent_s
        )

    def skip(self, queue: str, decision_id: str, *, annotator: str, comment: str = "") -> TaskPhase:
        """See `LabelDesk.skip`."""
        return self._answer(queue, decision_id, None, annotator=annotator, comment=comment)

    def undo(self, queue: str, decision_id: str, *, annotator: str) -> Item:
        """See `LabelDesk.undo`."""
        check_name(annotator, "annotator's name")
        now = self._wall.now()
        with self._ledger.write(actor=annotator) as tx:
            spec, task, state = find_task(tx, queue, decision_id)
            refuse_sealing(task)
            if not state.is_word_of(annotator):
                raise Conflict(
                    f"{annotator} has said nothing of this decision that could be taken back",
                    remedy="Who adjudicated it can take that back, or contest its label.",
                    decision=decision_id,
                )
            until = now + spec.lease_span
            adjudicated = state.verdict is not None
            state = state.without(annotator)
            keep(tx, task, state if adjudicated else state.lent(annotator, until, now), spec, now)
            tx.events.append("label.undone", f"decision:{decision_id}", queue=queue)
        return self._showing.show(spec, task, annotator, until=until)

    # -- disputes --------------------------------------------------------------------------------------

    def disputes(self, queue: str) -> list[Dispute]:
        """See `LabelDesk.disputes`."""
        with self._ledger.read() as tx:
            QueueSpec.named(tx, queue)
            tasks = tasks_of(tx, queue, "disputed")
        return [_dispute(task) for task in tasks]

    def dispute(self, queue: str, decision_id: str, *, adjudicator: str) -> DisputedItem:
        """See `LabelDesk.dispute`."""
        check_name(adjudicator, "adjudicator's name")
        with self._ledger.read() as tx:
            spec, task, state = find_task(tx, queue, decision_id)
        require_dispute(spec, task, adjudicator)
        until = self._wall.now()
        item = self._showing.show(spec, task, adjudicator, until=until, adjudicating=True)
        judgements = tuple(
            self._showing.judgement(task, name, answer) for name, answer in state.answers.items()
        )
        return DisputedItem(item=item, judgements=judgements)

    def settle(
        self,
        queue: str,
        decision_id: str,
        label: str | None,
        *,
        adjudicator: str,
        comment: str = "",
    ) -> TaskPhase:
        """See `LabelDesk.settle`."""
        check_name(adjudicator, "adjudicator's name")
        now = self._wall.now()
        sealed = self._comments.seal(f"{queue}.{decision_id}", comment)
        with self._ledger.write(actor=adjudicator) as tx:
            spec, task, state = find_task(tx, queue, decision_id)
            require_dispute(spec, task, adjudicator)
            verdict = Verdict(
                adjudicator=adjudicator,
                label=label,
                value=None if label is None else spec.value_of(label),
                at=self._clock.now(),
                comment=sealed,
            )
            phase = keep(tx, task, state.ruled(verdict), spec, now)
            tx.events.append("label.settled", f"decision:{decision_id}", queue=queue)
        return phase

    def contest(self, queue: str, decision_id: str, *, annotator: str, comment: str) -> TaskPhase:
        """See `LabelDesk.contest`."""
        check_name(annotator, "annotator's name")
        if not comment.strip():
            raise InvalidRequest(
                "an objection to a label has no comment", remedy="Write why it is wrong."
            )
        now = self._wall.now()
        with self._ledger.read() as tx:
            spec = QueueSpec.named(tx, queue)
            there = tx.intents.find(TASK, spec.task(decision_id)) is not None
        again = None
        if not there:
            again = reopened(spec, decision_id, self._datasets, self._decisions, self._comments)
        sealed = self._comments.seal(spec.task(decision_id), comment)
        with self._ledger.write(actor=annotator) as tx:
            if again is not None and tx.intents.find(TASK, spec.task(decision_id)) is None:
                again.put(tx, spec)
            spec, task, state = find_task(tx, queue, decision_id)
            refuse_sealing(task)
            if task.phase == "open":
                raise Conflict(
                    "there is no label yet that anybody could contest",
                    remedy="Judge it instead.",
                    decision=decision_id,
                )
            before = state.answers.get(annotator)
            answer = Answer(
                label=None if before is None else before.label,
                value=None if before is None else before.value,
                at=self._clock.now(),
                comment=sealed,
            )
            phase = keep(tx, task, state.contested_by(annotator, answer), spec, now)
            tx.events.append("label.contested", f"decision:{decision_id}", queue=queue)
        return phase

    # -- erasure ---------------------------------------------------------------------------------------

    def holdings(self, *subjects: str) -> int:
        """See `LabelDesk.holdings`."""
        with self._ledger.read() as tx:
            return len(tasks_about(tx, subjects))

    def tasks_of(self, subject_hash: str) -> list[Json]:
        """See `LabelDesk.tasks_of`."""
        with self._ledger.read() as tx:
            found = tasks_about(tx, [subject_hash])
        return [
            {
                "queue": task.spec["queue"],
                "decision": task.spec["decision_id"],
                "phase": task.phase,
                "at": task.spec["at"],
                "said": [one.label for one in said(task).answers.values()],
            }
            for task in found
        ]

    def erase_subjects(self, subjects: Collection[str]) -> ErasedTasks:
        """See `LabelDesk.erase_subjects`."""
        return erase_tasks(self._ledger, self._comments, subjects)

    def _answer(
        self,
        queue: str,
        decision_id: str,
        label: str | None,
        *,
        annotator: str,
        comment: str,
        spent_s: float | None = None,
    ) -> TaskPhase:
        check_name(annotator, "annotator's name")
        now = self._wall.now()
        sealed = self._comments.seal(f"{queue}.{decision_id}", comment)
        with self._ledger.write(actor=annotator) as tx:
            spec, task, state = find_task(tx, queue, decision_id)
            value = None if label is None else spec.value_of(label)
            before = state.answers.get(annotator)
            if before is not None and (before.label, before.comment) == (label, sealed):
                return state.phase(spec)
            require_place(spec, task, state, annotator, now)
            answer = Answer(
                label=label, value=value, at=self._clock.now(), comment=sealed, spent_s=spent_s
            )
            phase = keep(tx, task, state.answered(annotator, answer), spec, now)
            event = "label.skipped" if label is None else "label.judged"
            tx.events.append(event, f"decision:{decision_id}", queue=queue)
        return phase


def _dispute(task: Intent) -> Dispute:
    spec, state = asked(task), said(task)
    return Dispute(
        decision_id=spec.decision_id,
        at=spec.at,
        labels=dict(Counter(state.votes)),
        skips=state.skips,
        contested=state.contested,
    )
