"""Declared views are kept up to date by a controller, and dropped when they are not declared any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from towpath.assets.features.online import FeatureViewReconciler, declared
from towpath.ledger.controllers import ControllerLoop


class Worker:
    """A controller loop that is stepped by hand."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        reconciler = FeatureViewReconciler(desk.ledger, desk.features, desk.clock, poll_s=0.0)
        self.loop = ControllerLoop(desk.ledger, [reconciler], owner="test")

    def declare(self, view: Any, **changes: Any) -> None:
        spec = {**declared(view, project="test").to_spec(), **changes}
        with self.desk.ledger.write() as tx:
            tx.intents.put("feature_view", view.name, project="test", spec=spec)

    def step(self) -> Any:
        assert self.loop.step()
        with self.desk.ledger.read() as tx:
            return tx.intents.find("feature_view", "planes")

    def runs(self) -> int:
        with self.desk.ledger.read() as tx:
            return len(tx.runs.list(kind="materialization"))


@pytest.fixture
def worker(desk: Any) -> Worker:
    return Worker(desk)


def test_a_declared_view_follows_its_source(desk: Any, worker: Worker):
    worker.declare(desk.view)
    assert worker.step().phase == "waiting"
    desk.commit(("N1", 540, 1.0))
    row = worker.step()
    assert (row.phase, row.status["ref"], row.status["whole"]) == (
        "online",
        "features:planes@1",
        True,
    )
    assert desk.heats("N1") == [1.0]
    worker.step()
    assert worker.runs() == 1
    desk.commit(("N1", 550, 2.0))
    assert worker.step().status["whole"] is False
    assert desk.heats("N1") == [2.0]
    assert worker.runs() == 2


def test_a_view_declared_otherwise_is_materialised_again(desk: Any, worker: Worker):
    desk.commit(("N1", 300, 1.0))
    worker.declare(desk.view)
    worker.step()
    assert desk.heats("N1") == [None]
    worker.declare(desk.declare("planes", "tailnum", ttl="9h"))
    worker.step()
    assert desk.heats("N1") == [1.0]


def test_a_schedule_follows_event_time(desk: Any, worker: Worker):
    desk.commit(("N1", 540, 1.0), ("N1", 630, 2.0))
    worker.declare(desk.declare("planes", "tailnum", ttl="2h", every="1h"))
    worker.step()
    desk.clock.advance(timedelta(minutes=59))
    worker.step()
    assert desk.heats("N1") == [1.0]
    desk.clock.advance(timedelta(minutes=1))
    worker.step()
    assert desk.heats("N1") == [2.0]


def test_a_redacted_source_is_followed(desk: Any, worker: Worker):
    desk.commit(("N1", 540, 1.0), ("N2", 540, 2.0))
    worker.declare(desk.view)
    worker.step()
    desk.withdraw("N2")
    desk.redact("N2")
    worker.step()
    assert desk.heats("N1") == [1.0]
    assert desk.store.count("planes") == 1


def test_a_view_that_is_gone_is_dropped_with_its_row(desk: Any, worker: Worker):
    desk.commit(("N1", 540, 1.0))
    worker.declare(desk.view)
    worker.step()
    worker.declare(desk.view, wanted=False)
    assert worker.step() is None
    assert desk.store.tables() == []


def test_a_view_travels_as_plain_values(desk: Any):
    for view in (desk.view, desk.routes, desk.declare("v", "route", every="1h", owner="x")):
        spec = declared(view, project="test")
        again = declared(spec.view(), project="test")
        assert again == spec
        assert spec.view().columns == view.columns
