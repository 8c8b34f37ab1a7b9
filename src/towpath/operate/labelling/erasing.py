"""Takes a subject's tasks off every desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.operate.labelling.records import ErasedTasks
from towpath.operate.labelling.spec import TASK
from towpath.operate.labelling.tasks import said

if TYPE_CHECKING:
    from collections.abc import Collection

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.operate.labelling.comments import Comments

_log = structlog.get_logger()


def tasks_about(tx: Transaction, subjects: Collection[str]) -> list[Intent]:
    """Return every queue's tasks about some subjects, those of queues no longer declared included."""
    every = tx.intents.list(TASK, limit=None)
    theirs = frozenset(subjects)
    return [task for task in every if task.spec.get("subject") in theirs]


def erase_tasks(ledger: Ledger, comments: Comments, subjects: Collection[str]) -> ErasedTasks:
    """Remove them, and shred what was written beside them.

    The keys of the comments go first: whoever is killed in between finds the rows again, and what was
    written can be read by nobody already.
    """
    with ledger.read() as tx:
        found = tasks_about(tx, subjects)
    written = 0
    for task in found:
        state = said(task)
        sealed = [one.comment for one in (*state.answers.values(), state.verdict) if one]
        written += sum(comment is not None for comment in sealed)
        comments.shred(task.name)
    with ledger.write() as tx:
        for task in found:
            tx.intents.delete(TASK, task.name)
    if found:
        _log.info("tasks.erased", tasks=len(found), comments=written)
    return ErasedTasks(tasks=len(found), comments=written)
