"""A label queue on top of the seeded home: three people, a dispute or two, and a sealed version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from seeded_parts import ENV, SERVICE

from towpath.assets.datasets import ParquetDatasetStore, Schema
from towpath.core.clock import ManualClock
from towpath.operate.decisions import SegmentDecisionLog
from towpath.operate.labelling import LabelQueue, LabelQueueReconciler, LedgerLabelDesk

if TYPE_CHECKING:
    from pathlib import Path

    from seeded_home import SeededHome

QUEUE = "late-review"


class Asked(Schema):
    distance: float
    carrier: str
    origin: str


def seed_labels(home: SeededHome, folder: Path, *, days: int = 3, sealed: bool = True) -> None:
    """Declare a queue, draw the last days, and let people work at some of it."""
    services = home.services
    decisions = SegmentDecisionLog(home.ledger, home.blobs, folder / "decisions")
    datasets = ParquetDatasetStore(home.ledger, home.blobs, services.keyring)
    wall = ManualClock(datetime.now(UTC) - timedelta(minutes=10))
    desk = LedgerLabelDesk(
        home.ledger, services.keyring, decisions, datasets, services.clock, wall=wall
    )
    reconciler = LabelQueueReconciler(
        home.ledger,
        services.keyring,
        decisions,
        datasets,
        services.clock,
        directory=folder / "decisions",
        wall=wall,
    )
    queue = LabelQueue(
        QUEUE,
        service=SERVICE,
        labels=["on time", "late", "cancelled"],
        sample="uncertain",
        annotators=2,
        per_day=12,
        subject="tailnum",
        keep=Asked,
        description="Was this flight more than fifteen minutes late?",
    )
    begun = services.clock.now() - timedelta(days=days)
    until = begun.replace(hour=0, minute=0, second=0, microsecond=0)
    with home.ledger.write(actor="apply") as tx:
        tx.intents.put(
            "label_queue",
            QUEUE,
            project="flights",
            spec={**queue.spec.to_json(), "project": "flights", "environment": ENV},
            status=msgspec.to_builtins({"drawn_until": until}),
        )
    _step(home, reconciler)
    _work(desk, np.random.default_rng(4))
    if sealed:
        wall.advance(timedelta(minutes=9))
        _step(home, reconciler)
    # From here on people work on the real clock.
    home.services = replace(
        services,
        labels=LedgerLabelDesk(home.ledger, services.keyring, decisions, datasets, services.clock),
    )


def _work(desk: LedgerLabelDesk, rng: np.random.Generator) -> None:
    """Let ann and bob disagree now and then, and cy begin."""
    labels = ["on time", "late", "cancelled"]
    for annotator, items in (("ann", 18), ("bob", 14), ("cy", 2)):
        for _ in range(items):
            item = desk.next(QUEUE, annotator=annotator)
            if item is None:
                break
            truth = int(item.inputs["distance"]) % 2
            wrong = rng.random() < 0.18
            label = labels[int(rng.integers(0, 3)) if wrong else truth]
            comment = "the tower's log says otherwise" if wrong else ""
            if rng.random() < 0.06:
                desk.skip(QUEUE, item.decision_id, annotator=annotator, comment="no record")
                continue
            desk.judge(
                QUEUE,
                item.decision_id,
                label,
                annotator=annotator,
                comment=comment,
                spent_s=float(rng.gamma(3, 2)),
            )


def _step(home: SeededHome, reconciler: LabelQueueReconciler) -> None:
    with home.ledger.write() as tx:
        tx.intents.wake("label_queue", QUEUE)
        held = tx.intents.claim(("label_queue",), owner="seed", lease_s=60)
    assert held is not None
    reconciler.reconcile(held)
