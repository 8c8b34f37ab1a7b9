"""What a labelling desk promises: people and their pages on one side, tasks in the ledger on the other.

A *task* asks for one decision's label. Its life:

    open ──────► settled ──► sealing ──► in the labelled set, and gone from here
      │ ▲           ▲  │
      ▼ │           │  │ undo, until it is sealed
    disputed ───────┘◄─┘

`label_queue` intents draw tasks and seal them (`LabelQueueReconciler`); this is what people do between.

What a decision was about is read from the decision log each time an item is shown and is kept nowhere
else: an erased decision is gone from the queue with its next reading, at the latest. Comments, which may
say anything, lie in blobs; the ledger holds their digests until they are sealed or taken back.

Names of people are handles that they choose; everybody who holds the server's token is the same to it.
Each showing of an item is an event (`decision.read`), as is everything said (`label.judged`,
`label.skipped`, `label.undone`, `label.settled`, `label.contested`), with the person as its actor, the
decision's id, and never the label or the subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from towpath.ledger.records import Json
    from towpath.operate.labelling.records import (
        Agreement,
        Dispute,
        DisputedItem,
        ErasedTasks,
        Item,
        Progress,
        TaskPhase,
    )


class LabelDesk(Protocol):
    """Hands out tasks and takes judgements. Thread-safe and process-safe; each call is one transaction.

    A queue that is not declared raises `NotFound`, as does a decision that is no task of it (erased,
    or sealed meanwhile). A name of a person that could not name an asset raises `InvalidName`.
    """

    def queues(self) -> list[Progress]:
        """Return every queue by name, and how far it is."""
        ...

    def progress(self, queue: str) -> Progress:
        """Return how far one queue is."""
        ...

    def agreement(self, queue: str) -> Agreement:
        """Return how far people agree, over tasks under way and everything sealed.

        Reads three columns of the set of judgements; some 10 ms for 10,000 of them.
        """
        ...

    def next(self, queue: str, *, annotator: str) -> Item | None:
        """Lend the person the item that they should judge next; None when nothing is left for them.

        The item they were lent before, if it still is theirs: a reload shows the same one. Otherwise
        items that somebody has judged already come first, so that they are completed, then in the
        order of drawing, which is most wanted first. Never one that they have judged or skipped, and
        never more people at once than the task still needs: while the lease lasts its place is theirs.
        """
        ...

    def renew(self, queue: str, decision_id: str, *, annotator: str) -> datetime:
        """Extend the person's lease, and return until when.

        Raises:
            Conflict: It lapsed, and others have taken every place.
        """
        ...

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
        """Record what the person says, and return where that leaves the task.

        With enough judgements the task is settled, if they agree as the queue demands, or disputed.
        Saying the same again changes nothing; saying something else replaces what they said. Somebody
        whose lease lapsed is heard if a place is still free.

        Raises:
            InvalidRequest: The queue has no such label, or the comment is longer than 2,000 characters.
            Conflict: The places are taken, or the label is being sealed.
        """
        ...

    def skip(self, queue: str, decision_id: str, *, annotator: str, comment: str = "") -> TaskPhase:
        """Record that the person can't tell. When as many pass as are asked, the task is disputed."""
        ...

    def undo(self, queue: str, decision_id: str, *, annotator: str) -> Item:
        """Take back what the person said of an item, as annotator or adjudicator, and show it again.

        Raises:
            Conflict: They said nothing of it, or it is sealed, or settled by another adjudicator.
        """
        ...

    def disputes(self, queue: str) -> list[Dispute]:
        """Return what waits for an adjudicator, oldest first."""
        ...

    def dispute(self, queue: str, decision_id: str, *, adjudicator: str) -> DisputedItem:
        """Show a dispute with all that was said.

        Raises:
            Conflict: It is not disputed (any more), or the person may not decide in this queue.
        """
        ...

    def settle(
        self,
        queue: str,
        decision_id: str,
        label: str | None,
        *,
        adjudicator: str,
        comment: str = "",
    ) -> TaskPhase:
        """Decide a dispute; with None the item stays without a label, and out of the labelled set.

        Raises:
            InvalidRequest: As for `judge`.
            Conflict: As for `dispute`.
        """
        ...

    def contest(self, queue: str, decision_id: str, *, annotator: str, comment: str) -> TaskPhase:
        """Object to a label that is settled or sealed: the task is disputed again, with all judgements.

        What an adjudicator then decides replaces the row of the labelled set, in its next version.

        Raises:
            InvalidRequest: There is no comment to say why.
            Conflict: The label is being sealed just now: try again.
        """
        ...

    def holdings(self, *subjects: str) -> int:
        """Return how many tasks are about some subjects, without changing anything."""
        ...

    def tasks_of(self, subject_hash: str) -> list[Json]:
        """Return the tasks about a subject, for that subject: `queue`, `decision`, `phase`, `at`, `said`.

        `said` are the labels that were given, without who gave them. Changes nothing.
        """
        ...

    def erase_subjects(self, subjects: Collection[str]) -> ErasedTasks:
        """Remove every task about some subjects, and the comments beside it; tasks are read once.

        Idempotent, and safe to kill anywhere. The subjects must be suppressed first, or more may be
        drawn. What is sealed lies in data sets (`NAME`, `NAME.judgements`), whose own erasure finds it
        by the same hash, and what went back to the decision log goes with the log's.
        """
        ...


__all__ = ["LabelDesk"]
