"""A labelling queue over a small production, and what it takes to work it off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.core.clock import ManualClock
from towpath.core.refs import Ref
from towpath.operate.labelling import LabelQueue, LabelQueueReconciler, LedgerLabelDesk

if TYPE_CHECKING:
    import polars as pl

    from towpath.ledger.records import Intent
    from towpath.operate.labelling.records import Item
    from towpath.storage.keys import Keyring


@dataclass
class Desk:
    """A queue, the people at it, and the reconciler behind it, on clocks that the test moves."""

    production: Any
    keyring: Keyring
    wall: ManualClock = field(default_factory=lambda: ManualClock(datetime(2026, 3, 1, tzinfo=UTC)))

    def __post_init__(self) -> None:
        made = self.production
        self.datasets = ParquetDatasetStore(made.ledger, made.blobs, self.keyring)
        self.desk = LedgerLabelDesk(
            made.ledger, self.keyring, made.decisions, self.datasets, made.clock, wall=self.wall
        )
        self.reconciler = self.reconciling()

    def reconciling(self, **changes: Any) -> LabelQueueReconciler:
        made = self.production
        settings: dict[str, Any] = {"wall": self.wall, "poll_s": 0.0, **changes}
        return LabelQueueReconciler(
            made.ledger,
            self.keyring,
            made.decisions,
            self.datasets,
            made.clock,
            directory=made.path,
            **settings,
        )

    def declare(self, **changes: Any) -> LabelQueue:
        given: dict[str, Any] = {"service": "board", "labels": ["on time", "late"]}
        given |= {"subject": "tailnum", "per_day": 5, **changes}
        queue = LabelQueue("review", **given)
        spec = {**queue.spec.to_json(), "project": "flights", "environment": "production"}
        with self.production.ledger.write() as tx:
            tx.intents.put("label_queue", "review", project="flights", spec=spec)
        return queue

    def filled(self, *, rows: int = 40, labels: bool = False, **changes: Any) -> LabelQueue:
        """A queue with the tasks of one day of traffic."""
        queue = self.declare(**changes)
        self.draw()
        self.production.serve(rows, labels=labels)
        self.production.clock.advance(timedelta(minutes=2))
        self.draw()
        return queue

    def draw(self) -> Intent:
        row = self.production.step(self.reconciler)
        assert row is not None
        return row

    def seal(self) -> Intent:
        """Wait until everything settled may be sealed, and seal it."""
        self.wall.advance(timedelta(minutes=10))
        return self.draw()

    def tasks(self) -> list[Intent]:
        with self.production.ledger.read() as tx:
            return tx.intents.list("label_task")

    def events(self, *types: str) -> list[Any]:
        with self.production.ledger.read() as tx:
            return tx.events.read(types=types)

    def take(self, annotator: str) -> Item:
        item = self.desk.next("review", annotator=annotator)
        assert item is not None
        return item

    def judge(self, decision_id: str, label: str, annotator: str, **more: Any) -> str:
        return self.desk.judge("review", decision_id, label, annotator=annotator, **more)

    def judge_all(self, annotator: str, label: str = "late") -> int:
        """Work the queue off as one person; return how many items they had."""
        judged = 0
        while (item := self.desk.next("review", annotator=annotator)) is not None:
            self.judge(item.decision_id, label, annotator)
            judged += 1
        return judged

    def rows(self, name: str = "review") -> pl.DataFrame:
        return self.datasets.scan(Ref("dataset", name)).collect()

    def text_of_ledger(self) -> str:
        """Everything that tasks, queues and the log say, as one text."""
        with self.production.ledger.read() as tx:
            held = [tx.intents.list(limit=10_000), tx.events.read(limit=100_000)]
        return msgspec.json.encode(held, enc_hook=str).decode()


@pytest.fixture
def desk(production: Any, keyring: Keyring) -> Desk:
    production.deploy(production.model())
    return Desk(production, keyring)
