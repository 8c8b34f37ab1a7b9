"""What rollouts promise, over every ledger: stages on evidence, and one outcome whoever interferes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from towpath.core.clock import ManualClock, to_micros
from towpath.core.errors import Conflict, FenceLost
from towpath.core.refs import Ref
from towpath.ledger import Ledger
from towpath.operate.decisions import (
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.operate.releases import LedgerReleases
from towpath.operate.rollouts import Errors, Rollout, order
from towpath.operate.rollouts.reconciler import RolloutReconciler
from towpath.storage.blobs import BlobStore

ENV, SERVICE, NAME = "production", "board", "board.2"
PLAN = Rollout(metric=None, require=[Errors(margin=0.04)], stages=[0.3, 0.6])
SIGNATURE = {"inputs": [{"name": "x"}], "outputs": [{"name": "late"}]}


class Stage:
    """A service with a champion and a challenger, a rollout of them, and traffic."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, path: Path) -> None:
        self.ledger = ledger
        self.clock = ManualClock(datetime(2013, 3, 1, tzinfo=UTC))
        self.releases = LedgerReleases()
        self.decisions = SegmentDecisionLog(ledger, blobs, path)
        self.writer = SegmentWriter(SegmentDirectory(path))
        self.reconciler = RolloutReconciler(
            ledger, blobs, self.decisions, self.releases, self.clock, poll_s=0.0
        )
        self.rng = np.random.default_rng(1)
        self._ids = DecisionIds()
        with ledger.write() as tx:
            tx.versions.declare("model", "late", project="flights")
            for number in (1, 2):
                body = {"package": f"p{number}", "signature": SIGNATURE}
                tx.versions.commit("model", "late", digest=f"{number}", body=body, state="approved")
            spec = {"subject_field": None, "durability": "ack", "model": "late"}
            tx.intents.put("service", SERVICE, project="flights", spec=spec, due=False)
            self.releases.deploy(
                tx, environment=ENV, service=SERVICE, model=Ref("model", "late", 1), reason="test"
            )
            trial = {"environment": ENV, "service": SERVICE, "champion": "model:late@1"}
            trial |= {"challenger": "model:late@2", **dataclasses.asdict(PLAN)}
            tx.intents.put("rollout", NAME, project="flights", spec=trial)

    def serve(self, rows: int, *, fails: float = 0.0) -> None:
        """Answer requests over the next hour; the challenger fails this share of its own."""
        route = self.route()
        begun, frames = self.clock.now(), []
        for row in range(rows):
            at = to_micros(begun + timedelta(hours=row / rows))
            arm = route.arms[int(self.rng.random() < route.arms[-1].weight and len(route.arms) - 1)]
            broke = arm.arm == "challenger" and self.rng.random() < fails
            decision = Decision(
                decision_id=self._ids.next(),
                at_us=at,
                recorded_us=at,
                service=SERVICE,
                release=f"release:{ENV}@{arm.release}",
                model=arm.model,
                arm=arm.arm,
                rollout=route.rollout,
                stage=route.stage,
                outputs={} if broke else {"late": 0.5},
                status="error" if broke else "ok",
            )
            frames.append(encode_frame(decision))
        self.writer.append(b"".join(frames)).result(10)
        self.clock.advance(timedelta(hours=1, minutes=2))

    def claim(self) -> Any:
        with self.ledger.write() as tx:
            tx.intents.wake("rollout", NAME)
            return tx.intents.claim(["rollout"], owner="test", lease_s=0)

    def step(self) -> Any:
        held = self.claim()
        if held is not None:
            self.reconciler.reconcile(held)
        with self.ledger.read() as tx:
            return tx.intents.get("rollout", NAME)

    def route(self) -> Any:
        with self.ledger.read() as tx:
            return self.releases.route(tx, ENV).services[SERVICE]

    def told(self) -> list[str]:
        with self.ledger.read() as tx:
            found = [event.type for event in tx.events.read(subject=f"service:{SERVICE}")]
        return [one for one in found if one.startswith("rollout.")]


@pytest.fixture
def stage(ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(ledger, disk_blobs, tmp_path / "decisions")
    yield stage
    stage.writer.close()


def test_errors_alone_take_a_challenger_through_its_stages(stage: Stage):
    row = stage.step()
    for _ in range(12):
        stage.serve(600)
        row = stage.step()
        if row.phase == "done":
            break
    assert row.status["outcome"] == "promoted"
    assert stage.told() == ["rollout.advanced", "rollout.promoted"]
    assert [arm.model for arm in stage.route().arms] == ["model:late@2"]


def test_errors_alone_send_a_challenger_back(stage: Stage):
    stage.step()
    stage.serve(600, fails=0.2)
    row = stage.step()
    assert row.status["outcome"] == "rolled_back"
    assert [arm.model for arm in stage.route().arms] == ["model:late@1"]


def test_of_two_workers_with_the_row_the_older_changes_nothing(stage: Stage):
    """Both have claimed it and seen the same evidence, which moves the rollout on."""
    stage.step()
    for _ in range(4):
        stage.serve(800)
    older, newer = stage.claim(), stage.claim()
    stage.reconciler.reconcile(newer)
    assert stage.told() == ["rollout.advanced"]
    with pytest.raises(FenceLost):
        stage.reconciler.reconcile(older)
    assert stage.told() == ["rollout.advanced"]


def test_opposite_orders_at_the_same_moment_have_one_winner(stage: Stage):
    stage.step()

    def give(number: int) -> str:
        wanted = "promote" if number % 2 else "roll_back"
        try:
            with stage.ledger.write(actor="cli") as tx:
                return wanted if order(tx, NAME, wanted, by=f"person-{number}") else ""
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(8) as people:
        said = list(people.map(give, range(8)))
    assert len([one for one in said if one not in ("", "refused")]) == 1
    row = stage.step()
    (won,) = (one for one in said if one not in ("", "refused"))
    assert row.status["outcome"] == {"promote": "promoted", "roll_back": "rolled_back"}[won]
    assert stage.told().count("rollout.ordered") == 1
    champion = stage.route().arms[0].model
    assert champion == ("model:late@2" if won == "promote" else "model:late@1")


def test_a_paused_rollout_is_left_where_it_is_and_goes_on_when_resumed(stage: Stage):
    stage.step()
    with stage.ledger.write() as tx:
        order(tx, NAME, "pause", by="ann")
    for _ in range(3):
        stage.serve(800)
        row = stage.step()
    assert (row.status["stage"], stage.route().stage) == (0, 0)
    with stage.ledger.write() as tx:
        order(tx, NAME, "resume", by="ann")
    assert stage.step().status["stage"] == 1
    assert stage.told() == [
        "rollout.ordered",
        "rollout.paused",
        "rollout.ordered",
        "rollout.resumed",
        "rollout.advanced",
    ]
