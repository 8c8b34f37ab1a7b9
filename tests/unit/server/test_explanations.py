"""The API replays and explains recorded decisions, and names no training row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import httpx
import lightgbm
import pytest
from documented import DOCUMENT, check
from lender import Lender, loans
from served import served

from towpath.core.clock import SystemClock
from towpath.server import Services
from towpath.trace.lineage import LedgerTracer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lender(sqlite_ledger: Any, disk_blobs: Any, keyring: Any, tmp_path: Path) -> Iterator[Lender]:
    home = Lender(ledger=sqlite_ledger, blobs=disk_blobs, keyring=keyring, folder=tmp_path)
    yield home
    home.writer.close()


@pytest.fixture
def api(lender: Lender) -> Iterator[httpx.Client]:
    services = Services(
        ledger=lender.ledger,
        blobs=lender.blobs,
        keyring=lender.keyring,
        clock=SystemClock(),
        environment="production",
        tracer=LedgerTracer(lender.ledger, lender.decisions),
        erasures=cast("Any", None),
        replayer=lender.replayer,
        explainer=lender.explainer,
    )
    with served(services) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client:
        yield client


def check_answer(path: str, answer: Any) -> None:
    """Hold an answer to the document."""
    responses = DOCUMENT["paths"][path]["get"]["responses"]
    check(answer, responses["200"]["content"]["application/json"]["schema"])


def test_decisions_are_replayed_and_explained(lender: Lender, api: httpx.Client) -> None:
    rows = loans(200)
    lender.add_loans(rows)
    lender.serve()
    estimator = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=5, verbose=-1, n_jobs=1)
    (made,) = lender.decide(lender.register(estimator, rows), rows[:1])
    replay = api.get(f"/decisions/{made}/replay").json()
    check_answer("/api/v1/decisions/{decision_id}/replay", replay)
    assert (replay["verdict"], replay["fields"][0]["ulps"]) == ("equal", 0)
    assert replay["same_environment"] is True
    found = api.get(f"/decisions/{made}/explanation", params={"near": 3}).json()
    check_answer("/api/v1/decisions/{decision_id}/explanation", found)
    assert found["base"] + sum(one["share"] for one in found["shares"]) == pytest.approx(
        found["raw"]
    )
    assert len(found["near"]) == 3
    assert set(found["near"][0]) == {"nearness", "values", "outcome"}
    assert found["letter"].startswith("Your loan is")
    with lender.ledger.read() as tx:
        seen = tx.events.read(types=["decision.replayed", "decision.explained"])
    assert {one.actor for one in seen} == {"server"}
    assert api.get("/decisions/nobody/explanation").status_code == 404
    assert api.get(f"/decisions/{made}/explanation", params={"near": 51}).status_code == 400


def test_a_server_without_these_parts_says_so(client: httpx.Client) -> None:
    assert client.get("/api/v1/decisions/some/replay").status_code == 400
    assert client.get("/api/v1/decisions/some/explanation").status_code == 400
