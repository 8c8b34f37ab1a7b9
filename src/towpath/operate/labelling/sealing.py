"""Seals what is settled: into the two data sets, and back into the decision log.

Frozen first, written then, dropped last: a task that is `sealing` can't be taken back any more, its rows
are merged by key, and it goes in the transaction that makes the labelled set's version. Killed anywhere in
between, the next step does the same again, with the same result.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from towpath.assets.datasets.schema import POLARS_TYPES
from towpath.core.clock import to_micros
from towpath.operate.decisions import INPUT, Label, SegmentDirectory, SegmentWriter, encode_frame
from towpath.operate.labelling.drawing import DAY, day_of
from towpath.operate.labelling.rows import tasks_of
from towpath.operate.labelling.spec import TASK
from towpath.operate.labelling.tasks import TaskSpec, TaskState, asked, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from towpath.assets.datasets import Dataset, DatasetStore
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.labelling.comments import Comments
    from towpath.operate.labelling.spec import QueueSpec

Complete: TypeAlias = "Callable[[Transaction], None]"

_AT_ONCE = 1_000
_DURABLE_WITHIN_S = 30.0


def ripe(
    tx: Transaction, spec: QueueSpec, now: datetime, *, after: timedelta, gather: timedelta
) -> bool:
    """Tell whether there is something to seal: left over by a kill, or settled for long enough.

    Args:
        tx: The snapshot to read.
        spec: The queue.
        now: Wall time.
        after: How long a label can be taken back, at least.
        gather: How long it waits for others, so that not every label is a version of its own; when
            nothing is left to judge, nothing is waited for.
    """
    counts = tx.intents.count(TASK, prefix=f"{spec.name}.")
    if counts.get("sealing"):
        return True
    if not counts.get("settled"):
        return False
    since = [said(task).settled for task in tasks_of(tx, spec.name, "settled")]
    oldest = min((at for at in since if at is not None), default=now)
    return now - oldest >= (max(after, gather) if counts.get("open") else after)


def freeze(tx: Transaction, spec: QueueSpec, now: datetime, *, after: timedelta) -> Batch:
    """Take what has been settled for long enough out of people's hands."""
    frozen = tasks_of(tx, spec.name, "sealing")
    for task in tasks_of(tx, spec.name, "settled")[: max(0, _AT_ONCE - len(frozen))]:
        settled = said(task).settled
        if settled is not None and now - settled >= after:
            tx.intents.report(TASK, task.name, status=task.status, phase="sealing")
            frozen.append(task)
    return Batch(entries=tuple((task, asked(task), said(task)) for task in frozen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Tasks that are sealed together: each with what it asks and what was said."""

    entries: tuple[tuple[Intent, TaskSpec, TaskState], ...]

    @property
    def models(self) -> list[str]:
        """The model versions whose decisions they are."""
        return sorted({spec.model for _, spec, _ in self.entries})

    def by_day(self) -> Iterator[tuple[datetime, list[str]]]:
        """Yield each day of event time and the decisions of it."""
        days: dict[datetime, list[str]] = defaultdict(list)
        for _, spec, _ in self.entries:
            days[day_of(spec.at)].append(spec.decision_id)
        yield from sorted(days.items())


class Sealer:
    """Writes batches. Safe to repeat."""

    def __init__(
        self,
        ledger: Ledger,
        decisions: DecisionLog,
        datasets: DatasetStore,
        comments: Comments,
        directory: Path,
    ) -> None:
        self._ledger = ledger
        self._decisions = decisions
        self._datasets = datasets
        self._comments = comments
        self._directory = directory

    def seal(self, spec: QueueSpec, batch: Batch, *, run: str, complete: Complete) -> None:
        """Write a batch down; `complete` is called in the transaction that makes it final.

        Tasks whose decision is gone leave nothing behind: their subject was erased.
        """
        kept = self._kept_inputs(spec, batch)
        present = [entry for entry in batch.entries if entry[1].decision_id in kept]
        self._tell_log(spec, batch, present)
        self._write(spec, spec.judgements, self._judgements(spec, present), run=run)
        unlabelled = [one.decision_id for _, one, state in present if state.label is None]
        self._withdraw(spec, unlabelled, run=run)
        labelled = _labelled(spec, present, kept)
        if labelled:
            self._write(
                spec, spec.dataset, labelled, run=run, also=lambda tx, _version: complete(tx)
            )
        else:
            with self._ledger.write(actor="labelling") as tx:
                complete(tx)
        for task, _, _ in batch.entries:
            self._comments.shred(task.name)

    def _kept_inputs(self, spec: QueueSpec, batch: Batch) -> dict[str, dict[str, Any]]:
        """Return, for each decision that is still there, the inputs that the labelled set keeps."""
        found: dict[str, dict[str, Any]] = {}
        inputs = [
            pl.col(INPUT + one.name).cast(POLARS_TYPES[one.type], strict=False).alias(one.name)
            for one in spec.keep
        ]
        for day, ids in batch.by_day():
            scan = self._decisions.scan(
                spec.service,
                since=day,
                until=day + DAY,
                columns=["decision_id", *(INPUT + one.name for one in spec.keep)],
            )
            rows = scan.filter(pl.col("decision_id").is_in(ids)).select("decision_id", *inputs)
            for row in rows.collect().iter_rows(named=True):
                found[row.pop("decision_id")] = row
        return found

    def _tell_log(
        self,
        spec: QueueSpec,
        batch: Batch,
        entries: Sequence[tuple[Intent, TaskSpec, TaskState]],
    ) -> None:
        """Append the labels to the decision log, where nobody has reported what really happened."""
        known = self._labelled_ids(spec, batch)
        with self._ledger.read() as tx:
            subjects = {task.subject for _, task, _ in entries if task.subject is not None}
            withdrawn = tx.withdrawals.among(subjects)
        source = f"label_queue:{spec.name}"
        now_us = time.time_ns() // 1000
        frames: list[bytes] = []
        for _, task, state in entries:
            if state.label is None or task.subject in withdrawn:
                continue
            there = None
            if task.decision_id in known:
                there = self._decisions.label_of(task.decision_id)
            if there is not None and there.source != source:
                continue  # an outcome outweighs an opinion
            value, at_us = _value(state), to_micros(state.known_at)
            if there is None or (there.value, there.at_us) != (value, at_us):
                label = Label(
                    decision_id=task.decision_id,
                    value=value,
                    at_us=at_us,
                    recorded_us=now_us,
                    source=source,
                )
                frames.append(encode_frame(label))
        if frames:
            writer = SegmentWriter(SegmentDirectory(self._directory))
            try:
                writer.append(b"".join(frames)).result(_DURABLE_WITHIN_S)
            finally:
                writer.close()

    def _labelled_ids(self, spec: QueueSpec, batch: Batch) -> set[str]:
        """Return the decisions of the batch's days that have a label in the log."""
        found: set[str] = set()
        for day, _ in batch.by_day():
            scan = self._decisions.scan_labelled(
                spec.service, since=day, until=day + DAY, columns=["decision_id"]
            )
            found.update(scan.select("decision_id").collect()["decision_id"])
        return found

    def _judgements(
        self, spec: QueueSpec, entries: Sequence[tuple[Intent, TaskSpec, TaskState]]
    ) -> list[dict[str, Any]]:
        return [
            {
                "decision_id": task.decision_id,
                "annotator": name,
                "at": answer.at,
                "label": answer.label,
                "comment": self._comments.read(intent.name, answer.comment) or None,
                "spent_s": answer.spent_s,
                **({} if spec.subject is None else {"subject": task.subject}),
            }
            for intent, task, state in entries
            for name, answer in state.answers.items()
        ]

    def _write(
        self,
        spec: QueueSpec,
        dataset: Dataset,
        rows: list[dict[str, Any]],
        *,
        run: str,
        also: Callable[[Transaction, Version], None] | None = None,
    ) -> None:
        if rows:
            frame = pl.DataFrame(rows, schema=dataset.schema.polars_schema())
            self._datasets.commit(
                dataset, frame, project=spec.project, mode="merge", made_by=run, also=also
            )

    def _withdraw(self, spec: QueueSpec, decision_ids: list[str], *, run: str) -> None:
        """Take rows out of the labelled set whose label an adjudicator has struck."""
        with self._ledger.read() as tx:
            if not decision_ids or tx.versions.latest("dataset", spec.name) is None:
                return
        keys = pl.DataFrame({"decision_id": decision_ids})
        self._datasets.commit(spec.dataset, keys, project=spec.project, mode="delete", made_by=run)


def _labelled(
    spec: QueueSpec,
    entries: Sequence[tuple[Intent, TaskSpec, TaskState]],
    kept: dict[str, dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return the rows of the labelled set."""
    rows: list[dict[str, Any]] = []
    for _, task, state in entries:
        if state.label is None:
            continue
        votes = state.votes
        rows.append(
            {
                "decision_id": task.decision_id,
                "at": task.at,
                "model": task.model,
                "label": state.label,
                "value": _value(state),
                "settled_by": state.settled_by,
                "settled_at": state.known_at,
                "judgements": len(votes),
                "agreeing": votes.count(state.label) / len(votes) if votes else None,
                "weight": task.weight,
                **kept[task.decision_id],
                **({} if spec.subject is None else {"subject": task.subject}),
            }
        )
    return rows


def _value(state: TaskState) -> float:
    """Return the number of a label; one that is settled has one."""
    assert state.value is not None
    return state.value
