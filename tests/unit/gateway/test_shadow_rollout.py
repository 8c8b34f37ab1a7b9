"""A shadow rollout through a gateway process: copies, comparison and outcome, with nobody answered by it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from towpath.core.clock import ManualClock
from towpath.core.refs import Ref
from towpath.operate.releases import LedgerReleases
from towpath.operate.rollouts import Agreement, Errors, Rollout
from towpath.operate.rollouts.reconciler import RolloutReconciler
from towpath.operate.rollouts.shadows import shadow_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("gateway_program.py")
NAME = "board.2"


@pytest.fixture
def url(bench: Any, tmp_path: Path) -> Iterator[str]:
    """A gateway process that follows the home's route."""
    command = [sys.executable, str(PROGRAM), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.terminate()
    process.wait(20)
    process.stdout.close()


def test_a_shadow_that_answers_otherwise_is_sent_away_and_nobody_noticed(bench: Any, url: str):
    plan = Rollout(
        strategy="shadow",
        metric=None,
        require=[Agreement(tolerance=0.1, at_least=0.9)],
        guards=[Errors(margin=0.05)],
    )
    about = {"environment": "production", "service": "board"}
    releases, clock = LedgerReleases(), ManualClock(datetime.now(UTC))
    with bench.ledger.write() as tx:
        spec = {"subject_field": "tailnum", "durability": "ack", "model": "late"}
        tx.intents.put("service", "board", project="flights", spec=spec, due=False)
        releases.deploy(tx, **about, model=Ref("model", "late", 1), reason="first")
        models = {"champion": "model:late@1", "challenger": "model:late@2"}
        spec = {**about, **models, **dataclasses.asdict(plan)}
        tx.intents.put("rollout", NAME, project="flights", spec=spec)
    reconciler = RolloutReconciler(bench.ledger, bench.blobs, bench.log, releases, clock)

    def step() -> Any:
        with bench.ledger.write() as tx:
            tx.intents.wake("rollout", NAME)
            held = tx.intents.claim(["rollout"], owner="test", lease_s=60)
        reconciler.reconcile(held)
        with bench.ledger.read() as tx:
            return tx.intents.get("rollout", NAME)

    step()
    with bench.ledger.read() as tx:
        generation = tx.intents.get("route", "production").generation
    bench.await_route(generation)
    with httpx.Client(base_url=url, timeout=20) as client:
        for number in range(80):
            body = bench.body(300.0 + 5 * number, subject=f"N{number}")
            answer = client.post("/v2/models/board/infer", json=body)
            assert answer.json()["parameters"]["arm"] == "champion"
        assert (
            'shadowed_total{service="board",outcome="dropped"}' not in client.get("/metrics").text
        )
    bench.eventually(
        lambda: len(bench.log.scan(shadow_of("board")).collect()) == 80, "eighty copies"
    )
    clock.advance(timedelta(minutes=5))
    row = step()
    assert row.status["outcome"] == "rolled_back"
    assert "disagreement is worse by at least" in row.status["reason"]
    assert row.status["evidence"]["answers_challenger"] == 80
    assert set(bench.log.scan("board").collect()["model"]) == {"model:late@1"}
    with bench.ledger.read() as tx:
        arms = releases.route(tx, "production").services["board"].arms
    assert [arm.model for arm in arms] == ["model:late@1"]
