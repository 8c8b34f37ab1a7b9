"""A shadow sees a copy of each request, is recorded, is never heard, and holds nobody up."""

from __future__ import annotations

import threading
from typing import Any

import polars as pl
import pytest

from towpath.assets.models import load_predictor
from towpath.operate.rollouts.shadows import shadow_of


def shadowed(bench: Any) -> int:
    """Put `board` under a shadow rollout."""
    service = bench.service(1.0, 0.0, rollout="board.2", stage=0)
    service["arms"][1]["arm"] = "shadow"
    return bench.route(board=service)


def copies(bench: Any) -> pl.DataFrame:
    return bench.log.scan(shadow_of("board")).collect()


def await_copies(bench: Any, count: int) -> pl.DataFrame:
    bench.eventually(lambda: len(copies(bench)) >= count, f"{count} copies")
    found = copies(bench)
    assert len(found) == count
    return found


class HeldUp:
    """The challenger's model, which answers only when it is let."""

    def __init__(self, predictor: Any, gate: threading.Event) -> None:
        self._predictor = predictor
        self._gate = gate

    def answer(self, rows: Any) -> Any:
        assert self._gate.wait(20)
        return self._predictor.answer(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)


@pytest.fixture
def held_up(bench: Any) -> Any:
    """A gateway whose shadow waits for a gate that is shut."""
    gate = threading.Event()

    def load(package: str) -> Any:
        predictor = load_predictor(package, bench.blobs)
        return HeldUp(predictor, gate) if package == bench.packages[1] else predictor

    gate.set()  # warming up is no part of it
    shadowed(bench)
    bench.start(load=load)
    gate.clear()
    yield bench, gate
    gate.set()


def test_the_champion_answers_and_the_shadow_is_recorded_beside_it(bench: Any):
    shadowed(bench)
    bench.start()
    for distance in (300.0, 700.0):
        answer = bench.infer(distance, subject="N1", time="2013-03-01T06:00Z").json()
        assert answer["parameters"]["arm"] == "champion"
    found = await_copies(bench, 2)
    originals = bench.log.scan("board").collect()
    assert set(originals["arm"]) == {"champion"}
    pairs = originals.join(found, left_on="decision_id", right_on="key", suffix=".copy")
    assert len(pairs) == 2
    assert set(pairs["arm.copy"]) == {"shadow"}
    assert set(pairs["model.copy"]) == {"model:late@2"}
    assert pairs["at"].to_list() == pairs["at.copy"].to_list()
    assert pairs["subject"].to_list() == pairs["subject.copy"].to_list()
    sums = pairs["output.late"] + pairs["output.late.copy"]
    assert sums.to_list() == pytest.approx([1.0, 1.0], abs=0.05)  # they were taught the opposite


def test_rows_of_one_request_are_one_copy_each(bench: Any):
    shadowed(bench)
    bench.start()
    ids = bench.infer(300.0, 500.0, 700.0).json()["parameters"]["decision_ids"]
    found = await_copies(bench, 3)
    assert set(found["key"]) == set(ids)


def test_a_slow_shadow_slows_nobody_and_drops_are_counted(held_up: Any):
    bench, gate = held_up
    for _ in range(4):  # the shadow hangs on the first; the queue is full with the next ones
        rows = [500.0] * 400
        assert bench.infer(*rows).status_code == 200
    dropped = 'towpath_gateway_shadowed_total{service="board",outcome="dropped"} 800'
    assert dropped in bench.get("/metrics").text
    assert copies(bench).is_empty()
    gate.set()
    await_copies(bench, 800)


def test_who_withdraws_while_a_copy_waits_is_left_out(held_up: Any):
    bench, gate = held_up
    bench.infer(500.0, subject="N1")
    bench.infer(500.0, subject="N2")
    with bench.ledger.write() as tx:
        position = tx.withdrawals.add(bench.keyring.subject_hash("tailnum", "N1"))
    bench.eventually(
        lambda: bench.reported().get("suppression_generation") == position, "the withdrawal"
    )
    gate.set()
    found = await_copies(bench, 1)
    assert found["subject"].to_list() == [bench.keyring.subject_hash("tailnum", "N2")]


def test_a_shadow_that_fails_is_recorded_as_failing(bench: Any):
    class Broken(HeldUp):
        calls = 0

        def answer(self, rows: Any) -> Any:
            Broken.calls += 1
            if Broken.calls > warm:
                raise ZeroDivisionError
            return super().answer(rows)

    gate = threading.Event()
    gate.set()
    warm = 1 << 30

    def load(package: str) -> Any:
        predictor = load_predictor(package, bench.blobs)
        return Broken(predictor, gate) if package == bench.packages[1] else predictor

    shadowed(bench)
    bench.start(load=load)
    warm = 0
    assert bench.infer(500.0).status_code == 200
    found = await_copies(bench, 1)
    assert found["status"].to_list() == ["error"]
    assert found["error"].to_list() == ["ZeroDivisionError"]


def test_nobody_is_copied_who_insists_on_a_version(bench: Any):
    shadowed(bench)
    bench.start()
    assert bench.post("/v2/models/board/versions/1/infer", bench.body(500.0)).status_code == 200
    bench.infer(500.0)
    found = await_copies(bench, 1)
    assert len(found) == 1


def test_the_shadows_own_version_can_not_be_asked_for(bench: Any):
    shadowed(bench)
    bench.start()
    refused = bench.post("/v2/models/board/versions/2/infer", bench.body(500.0))
    assert refused.status_code == 404


def test_what_a_shadow_said_of_somebody_leaves_with_them(bench: Any):
    shadowed(bench)
    bench.start()
    bench.infer(500.0, subject="N1")
    bench.infer(500.0, subject="N2")
    await_copies(bench, 2)
    gone = bench.keyring.subject_hash("tailnum", "N1")
    assert bench.log.holdings(gone).decisions == 2
    assert bench.log.erase_subjects([gone]).decisions == 2
    assert copies(bench)["subject"].to_list() == [bench.keyring.subject_hash("tailnum", "N2")]
