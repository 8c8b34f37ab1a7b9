"""How far a queue is, and how far the people in it agree."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any

from towpath.core.clock import parse_time
from towpath.core.errors import NotFound
from towpath.operate.labelling.agreement import (
    alpha_interval,
    cohen_kappas,
    coincidences,
    counts_of,
    fleiss_kappa,
    krippendorff_alpha,
    observed_agreement,
)
from towpath.operate.labelling.records import Agreement, AnnotatorRecord, Progress
from towpath.operate.labelling.spec import TASK, QueueSpec
from towpath.operate.labelling.tasks import asked, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from towpath.assets.datasets import Dataset, DatasetStore
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent


def progress_of(tx: Transaction, intent: Intent) -> Progress:
    """Return how far a queue is, from counts alone."""
    spec = QueueSpec.of(intent)
    phases = tx.intents.count(TASK, prefix=f"{spec.name}.")
    latest = tx.versions.latest("dataset", spec.name)
    until = intent.status.get("drawn_until")
    return Progress(
        queue=spec.name,
        project=spec.project,
        service=spec.service,
        description=spec.description,
        labels=dict(spec.labels),
        annotators=spec.annotators,
        sample=spec.sample,
        open=phases.get("open", 0),
        disputed=phases.get("disputed", 0),
        settled=phases.get("settled", 0) + phases.get("sealing", 0),
        labelled=0 if latest is None else int(latest.body["rows"]),
        version=None if latest is None else str(latest.ref),
        drawn_until=None if until is None else parse_time(until),
        idle=intent.status.get("idle"),
    )


def agreement_of(spec: QueueSpec, tasks: Iterable[Intent], datasets: DatasetStore) -> Agreement:
    """Return how far people agree over tasks under way and everything sealed."""
    book = _Book()
    for columns in _rows(datasets, spec.judgements, "decision_id", "annotator", "label", "spent_s"):
        book.add(*columns)
    for decision_id, label in _rows(datasets, spec.dataset, "decision_id", "label"):
        book.settled[decision_id] = label
    for task in tasks:
        book.take(task, spec)
    given = {label for answers in book.votes.values() for label in answers.values()}
    labels = [name for name, _ in spec.labels]
    labels += sorted(given.difference(labels))  # the queue offered them once
    counts = counts_of(book.votes, labels)
    interval = alpha_interval(counts)
    return Agreement(
        labels=tuple(labels),
        items=len(counts),
        observed=observed_agreement(counts),
        alpha=krippendorff_alpha(counts),
        alpha_low=None if interval is None else interval[0],
        alpha_high=None if interval is None else interval[1],
        fleiss=fleiss_kappa(counts),
        pairs=tuple(cohen_kappas(book.votes)),
        confusion=tuple(tuple(row) for row in coincidences(counts).tolist()),
        annotators=book.people(),
    )


class _Book:
    """Everything that was said in a queue, by item and by person."""

    def __init__(self) -> None:
        self.votes: dict[str, dict[str, str]] = defaultdict(dict)
        self.settled: dict[str, str] = {}
        self._skipped: dict[str, set[str]] = defaultdict(set)
        self._spent_s: dict[str, dict[str, float]] = defaultdict(dict)

    def add(self, item: str, person: str, label: str | None, spent_s: float | None) -> None:
        """Take one answer in; a later one to the same item replaces it."""
        self._skipped[person].discard(item)
        self.votes[item].pop(person, None)
        if label is None:
            self._skipped[person].add(item)
        else:
            self.votes[item][person] = label
        if spent_s is not None:
            self._spent_s[person][item] = spent_s

    def take(self, task: Intent, spec: QueueSpec) -> None:
        """Take a task that is under way in."""
        if not task.status.get("answers"):
            return
        item, state = asked(task).decision_id, said(task)
        for person, answer in state.answers.items():
            self.add(item, person, answer.label, answer.spent_s)
        self.settled.pop(item, None)
        if state.phase(spec) == "settled" and state.label is not None:
            self.settled[item] = state.label

    def people(self) -> tuple[AnnotatorRecord, ...]:
        """Return who did what, by name."""
        judged: dict[str, int] = defaultdict(int)
        confirmed: dict[str, list[bool]] = defaultdict(list)
        for item, answers in self.votes.items():
            for person, label in answers.items():
                judged[person] += 1
                if item in self.settled and len(answers) > 1:
                    confirmed[person].append(label == self.settled[item])
        names = sorted({*judged, *(name for name, items in self._skipped.items() if items)})
        return tuple(
            AnnotatorRecord(
                annotator=name,
                judged=judged[name],
                skipped=len(self._skipped[name]),
                confirmed=_mean(confirmed[name]),
                spent_s_median=median(times) if (times := self._spent_s[name].values()) else None,
            )
            for name in names
        )


def _rows(datasets: DatasetStore, dataset: Dataset, *columns: str) -> Iterable[tuple[Any, ...]]:
    """Return some columns of a set's latest version; nothing before its first."""
    try:
        frame: pl.DataFrame = datasets.scan(dataset.ref, columns=list(columns)).collect()
    except NotFound:
        return []
    return frame.select(columns).iter_rows()


def _mean(outcomes: Sequence[bool]) -> float | None:
    return sum(outcomes) / len(outcomes) if outcomes else None
