"""Withdrawals over HTTP: in somebody's name, in force with the answer, once, and at a rate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from seeded_home import SeededHome, seed_home
from served import served

from towpath.assets.datasets import ParquetDatasetStore
from towpath.operate.decisions import SegmentDecisionLog
from towpath.server.access import ACTOR_HEADER
from towpath.server.contract import Access
from towpath.trace.erasure import LedgerErasures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATH = "/api/v1/withdrawals"
PER_MINUTE = 4


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SeededHome]:
    seeded = seed_home(tmp_path, days=2, per_day=1)
    ledger, blobs, keyring = seeded.ledger, seeded.blobs, seeded.services.keyring
    erasures = LedgerErasures(
        ledger,
        blobs,
        keyring,
        ParquetDatasetStore(ledger, blobs, keyring),
        SegmentDecisionLog(ledger, blobs, tmp_path / "decisions"),
        per_minute=PER_MINUTE,
    )
    seeded.services = replace(seeded.services, erasures=erasures)
    yield seeded
    seeded.close()


@pytest.fixture
def ask(home: SeededHome) -> Iterator[Callable[..., httpx.Response]]:
    with served(home.services) as url, httpx.Client(base_url=url) as client:

        def ask(*subjects: str, field: str = "tailnum", **headers: str) -> httpx.Response:
            named = {ACTOR_HEADER: "desk", **{k.replace("_", "-"): v for k, v in headers.items()}}
            body = {"field": field, "subjects": list(subjects)}
            return client.post(PATH, json=body, headers=named)

        yield ask


def suppressed(home: SeededHome) -> int:
    with home.ledger.read() as tx:
        return tx.withdrawals.position()


def test_everybody_named_is_suppressed_with_the_answer(ask: Any, home: SeededHome) -> None:
    before = suppressed(home)
    answer = ask("N1", "N2", "N1")
    assert answer.status_code == 202, answer.text
    first, second, again = answer.json()["erasures"]
    assert first == again != second
    assert suppressed(home) == before + 2
    with home.ledger.read() as tx:
        told = tx.events.read(types=["erasure.suppressed"], newest_first=True)[:2]
    assert {one.actor for one in told} == {"desk"}
    assert ask("N2").json()["erasures"] == [second]
    assert "N1" not in answer.text


def test_a_call_that_is_sent_again_under_its_key_is_answered(ask: Any, home: SeededHome) -> None:
    first = ask("N1", idempotency_key="a")
    assert ask("N1", idempotency_key="a").json() == first.json()
    other = ask("N2", idempotency_key="a")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert suppressed(home) == 2  # one of them is the seeded home's


def test_who_brings_too_many_is_told_when_to_come_again(ask: Any, home: SeededHome) -> None:
    # A batch may overdraw, and by so much that no slow machine makes up for it.
    assert ask(*(f"N{one}" for one in range(2 * PER_MINUTE + 1))).status_code == 202
    before = suppressed(home)
    refused = ask("N9")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 90
    assert refused.json()["code"] == "rate-limited"
    assert suppressed(home) == before
    assert ask("N9", **{ACTOR_HEADER: "another"}).status_code == 202


@pytest.mark.parametrize(
    ("subjects", "field", "status"),
    [([], "tailnum", 400), ([""], "tailnum", 400), (["N1"], "tail", 404)],
)
def test_what_makes_no_sense_changes_nothing(
    ask: Any, home: SeededHome, subjects: list[str], field: str, status: int
) -> None:
    before = suppressed(home)
    assert ask(*subjects, field=field).status_code == status
    assert suppressed(home) == before


def test_it_takes_the_token_a_name_and_this_site(home: SeededHome) -> None:
    body = {"field": "tailnum", "subjects": ["N1"]}
    before = suppressed(home)
    with (
        served(home.services, Access(token="secret")) as url,
        httpx.Client(base_url=url) as client,
    ):
        assert client.post(PATH, json=body, headers={ACTOR_HEADER: "a"}).status_code == 401
        bearer = {"authorization": "Bearer secret"}
        assert client.post(PATH, json=body, headers=bearer).status_code == 403
        foreign = {**bearer, ACTOR_HEADER: "a", "sec-fetch-site": "cross-site"}
        assert client.post(PATH, json=body, headers=foreign).status_code == 403
        assert suppressed(home) == before
        assert client.post(PATH, json=body, headers={**bearer, ACTOR_HEADER: "a"}).is_success
