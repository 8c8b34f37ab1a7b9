"""Puts a label that was sealed back on the desk, with everything that was said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from towpath.core.errors import NotFound
from towpath.operate.labelling.rows import no_task
from towpath.operate.labelling.spec import TASK
from towpath.operate.labelling.tasks import Answer, TaskSpec, TaskState

if TYPE_CHECKING:
    from towpath.assets.datasets import Dataset, DatasetStore
    from towpath.ledger.contract import Transaction
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.labelling.comments import Comments
    from towpath.operate.labelling.spec import QueueSpec


class Reopened(msgspec.Struct, frozen=True, kw_only=True):
    """A task made again from its row of the labelled set."""

    task: TaskSpec
    state: TaskState

    def put(self, tx: Transaction, spec: QueueSpec) -> None:
        """Declare it."""
        tx.intents.put(
            TASK,
            spec.task(self.task.decision_id),
            project=spec.project,
            spec=msgspec.to_builtins(self.task),
            phase="settled",
            status=self.state.to_json(),
            due=False,
        )


def reopened(
    spec: QueueSpec,
    decision_id: str,
    datasets: DatasetStore,
    decisions: DecisionLog,
    comments: Comments,
) -> Reopened:
    """Return the task of a sealed label.

    Raises:
        NotFound: The labelled set has no row of the decision, or the decision is erased.
    """
    rows = _rows(datasets, spec.dataset, decision_id)
    decision = decisions.find(decision_id)
    if not rows or decision is None:
        raise no_task(spec.name, decision_id)
    name = spec.task(decision_id)
    answers = {
        row["annotator"]: Answer(
            label=row["label"],
            value=None,  # an adjudicator's word will count
            at=row["at"],
            comment=comments.seal(name, row["comment"] or ""),
            spent_s=row["spent_s"],
        )
        for row in sorted(_rows(datasets, spec.judgements, decision_id), key=lambda row: row["at"])
    }
    day = decision.at.replace(hour=0, minute=0, second=0, microsecond=0)
    task = TaskSpec(
        queue=spec.name,
        decision_id=decision_id,
        at=decision.at,
        model=decision.model,
        subject=decision.subject,
        day=day,
        rank=0,
        weight=rows[0]["weight"],
    )
    return Reopened(task=task, state=TaskState(answers=answers))


def _rows(datasets: DatasetStore, dataset: Dataset, decision_id: str) -> list[dict[str, Any]]:
    try:
        found = datasets.scan(dataset.ref).filter(pl.col("decision_id") == decision_id).collect()
    except NotFound:
        return []
    return found.to_dicts()
