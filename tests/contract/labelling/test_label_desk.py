"""A labelling desk keeps its word on every ledger: one place for one person, one row for one label."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import ParquetDatasetStore
from towpath.core.clock import ManualClock, to_micros
from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref
from towpath.operate.decisions import (
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.operate.labelling import LabelQueue, LabelQueueReconciler, LedgerLabelDesk

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

START = datetime(2013, 3, 1, tzinfo=UTC)
DECISIONS = 30


class Bench:
    """A day of decisions, a queue that drew from it, and clocks that the test moves."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, keyring: Keyring, folder: Path) -> None:
        self.ledger, self.keyring = ledger, keyring
        self.wall = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        clock = ManualClock(START + timedelta(days=1, minutes=2))
        self.decisions = SegmentDecisionLog(ledger, blobs, folder)
        self.datasets = ParquetDatasetStore(ledger, blobs, keyring)
        self.desk = LedgerLabelDesk(
            ledger, keyring, self.decisions, self.datasets, clock, wall=self.wall
        )
        self.reconciler = LabelQueueReconciler(
            ledger,
            keyring,
            self.decisions,
            self.datasets,
            clock,
            directory=folder,
            wall=self.wall,
        )
        ids, writer = DecisionIds(), SegmentWriter(SegmentDirectory(folder))
        for n in range(DECISIONS):
            at = to_micros(START + timedelta(minutes=40 * n))
            decision = Decision(
                decision_id=ids.next(),
                at_us=at,
                recorded_us=at,
                service="board",
                release="release:production@1",
                model="model:late@1",
                arm="champion",
                subject=keyring.subject_hash("tailnum", f"N{n:05}"),
                inputs={"wind": float(n)},
                outputs={"late": n / DECISIONS},
            )
            writer.append(encode_frame(decision), urgent=False)
        writer.close()
        queue = LabelQueue(
            "review",
            service="board",
            labels=["on time", "late"],
            sample="input.wind",
            annotators=2,
            per_day=12,
            subject="tailnum",
        )
        spec = {**queue.spec.to_json(), "project": "flights", "environment": "production"}
        with ledger.write() as tx:
            tx.versions.declare("model", "late", project="flights")
            tx.intents.put("label_queue", "review", project="flights", spec=spec)
            other = {**spec, "sample": "random"}
            tx.intents.put("label_queue", "review-2", project="flights", spec=other, due=False)
        self.step()

    def step(self) -> None:
        with self.ledger.write() as tx:
            tx.intents.wake("label_queue", "review")
            held = tx.intents.claim(("label_queue",), owner="test", lease_s=60)
        assert held is not None
        self.reconciler.reconcile(held)

    def phases(self) -> dict[str, int]:
        with self.ledger.read() as tx:
            return tx.intents.count("label_task", prefix="review.")


@pytest.fixture
def bench(ledger: Ledger, disk_blobs: BlobStore, keyring: Keyring, tmp_path: Path) -> Any:
    return Bench(ledger, disk_blobs, keyring, tmp_path / "decisions")


def test_the_most_wanted_are_drawn_once(bench: Any) -> None:
    assert bench.phases() == {"open": 12}
    bench.step()
    assert bench.phases() == {"open": 12}
    item = bench.desk.next("review", annotator="ann")
    assert item.inputs == {"wind": DECISIONS - 1.0}


def test_each_item_is_judged_by_two_however_many_hurry(bench: Any) -> None:
    def work(name: str) -> None:
        while (item := bench.desk.next("review", annotator=name)) is not None:
            bench.desk.judge("review", item.decision_id, "late", annotator=name)

    people = ["ann", "bob", "cy"]
    threads = [threading.Thread(target=work, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for name in people:
        work(name)
    assert bench.phases() == {"settled": 12}
    with bench.ledger.read() as tx:
        tasks = tx.intents.list("label_task", prefix="review.")
        said = len(tx.events.read(types=["label.judged"], limit=1000))
    assert {len(task.status["answers"]) for task in tasks} == {2}
    assert said == 24


def test_settled_labels_are_sealed_and_disputed_ones_wait(bench: Any) -> None:
    item = bench.desk.next("review", annotator="ann")
    bench.desk.judge("review", item.decision_id, "late", annotator="ann", comment="fog")
    bench.desk.judge("review", item.decision_id, "on time", annotator="bob")
    other = bench.desk.next("review", annotator="ann")
    for name in ("ann", "bob"):
        bench.desk.judge("review", other.decision_id, "late", annotator=name)
    bench.wall.advance(timedelta(minutes=10))
    bench.step()
    assert bench.phases() == {"open": 10, "disputed": 1}
    rows = bench.datasets.scan(Ref("dataset", "review")).collect()
    assert rows.select("decision_id", "label", "settled_by").rows() == [
        (other.decision_id, "late", "agreement")
    ]
    bench.desk.settle("review", item.decision_id, "late", adjudicator="judge")
    bench.wall.advance(timedelta(minutes=10))
    bench.step()
    rows = bench.datasets.scan(Ref("dataset", "review")).collect()
    assert dict(rows.select("decision_id", "settled_by").rows()) == {
        other.decision_id: "agreement",
        item.decision_id: "adjudication",
    }
    said = bench.datasets.scan(Ref("dataset", "review.judgements")).collect()
    assert said.filter(pl.col("comment") == "fog").height == 1
    assert bench.decisions.label_of(item.decision_id).value == 1.0
    with pytest.raises(NotFound):
        bench.desk.undo("review", item.decision_id, annotator="ann")


def test_queues_whose_names_begin_alike_keep_apart(bench: Any) -> None:
    assert bench.desk.next("review-2", annotator="ann") is None
    progress = {one.queue: one.open for one in bench.desk.queues()}
    assert progress == {"review": 12, "review-2": 0}


def test_a_subject_leaves_queue_set_and_log(bench: Any) -> None:
    item = bench.desk.next("review", annotator="ann")
    for name in ("ann", "bob"):
        bench.desk.judge("review", item.decision_id, "late", annotator=name, comment="seen")
    open_one = bench.desk.next("review", annotator="ann")
    bench.wall.advance(timedelta(minutes=10))
    bench.step()
    plain = {
        bench.keyring.subject_hash("tailnum", f"N{n:05}"): f"N{n:05}" for n in range(DECISIONS)
    }
    for decision_id, tasks in ((item.decision_id, 0), (open_one.decision_id, 1)):
        hashed = bench.decisions.find(decision_id).subject
        with bench.ledger.write() as tx:
            tx.withdrawals.add(hashed)
        assert bench.desk.erase_subjects([hashed]).tasks == tasks
        for name in ("review", "review.judgements"):
            bench.datasets.erase(plain[hashed], name)
        bench.decisions.erase_subjects([hashed])
        assert bench.desk.holdings(hashed) == 0
        assert bench.decisions.label_of(decision_id) is None
    for name in ("review", "review.judgements"):
        assert bench.datasets.scan(Ref("dataset", name)).collect().is_empty()
    with pytest.raises(NotFound):
        bench.desk.contest("review", item.decision_id, annotator="ann", comment="why")


def test_the_lease_that_lapsed_is_the_next_one_s(bench: Any) -> None:
    first = [bench.desk.next("review", annotator=name).decision_id for name in ("ann", "bob")]
    assert first[0] == first[1]
    assert bench.desk.next("review", annotator="cy").decision_id != first[0]
    bench.wall.advance(timedelta(minutes=11))
    for name in ("di", "ed"):
        assert bench.desk.next("review", annotator=name).decision_id == first[0]
    with pytest.raises(Conflict):
        bench.desk.judge("review", first[0], "late", annotator="ann")
