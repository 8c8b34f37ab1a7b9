"""Orders to rollouts over HTTP: taken in somebody's name, once, and refused where they make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from seeded_home import SeededHome, seed_home
from served import served

from towpath.server.access import ACTOR_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNING, OVER = "/api/v1/rollouts/delay-board.4", "/api/v1/rollouts/delay-board.2"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    seeded = seed_home(tmp_path_factory.mktemp("home"), days=4, per_day=2)
    yield seeded
    seeded.close()


@pytest.fixture
def client(home: SeededHome) -> Iterator[httpx.Client]:
    headers = {ACTOR_HEADER: "ann"}
    with served(home.services) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client


def test_a_pause_says_who_ordered_it_and_why(client: httpx.Client, home: SeededHome):
    answer = client.post(f"{RUNNING}/order", json={"order": "pause", "why": "a holiday"})
    assert answer.status_code == 200
    paused = answer.json()["paused"]
    assert (paused["by"], paused["why"]) == ("ann", "a holiday")
    assert client.get(RUNNING).json()["paused"] == paused
    with home.ledger.read() as tx:
        ordered = [one for one in tx.events.read() if one.type == "rollout.ordered"]
    assert [(one.actor, one.payload["order"], one.payload["by"]) for one in ordered] == [
        ("server", "pause", "ann")
    ]
    again = client.post(f"{RUNNING}/order", json={"order": "resume"})
    assert again.json()["paused"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (OVER, {"order": "pause"}, 409),
        (RUNNING, {"order": "faster"}, 400),
        (RUNNING, {"order": "pause", "why": "x" * 501}, 400),
        (RUNNING, {}, 400),
        ("/api/v1/rollouts/nothing.1", {"order": "pause"}, 404),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    client: httpx.Client, path: str, body: dict[str, str], status: int
):
    refused = client.post(f"{path}/order", json=body)
    assert refused.status_code == status, refused.text
    assert client.get(RUNNING).json()["paused"] is None


def test_the_page_s_answer_holds_every_harm(client: httpx.Client):
    shown = client.get(RUNNING).json()
    assert [(one["name"], one["role"], one["unit"]) for one in shown["readings"]] == [
        ("log_loss", "required", ""),
        ("errors", "required", ""),
        ("signal rebooked", "required", ""),
        ("latency p99", "guard", "ms"),
    ]
    assert all(one["lower"] < one["upper"] for one in shown["readings"])
    assert {len(look["readings"]) for look in shown["history"]} == {4}
    assert any(look["paused"] for look in shown["history"])
    assert shown["ratio_e_value"] < shown["ratio_limit"]
