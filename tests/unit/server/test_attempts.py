"""What the pages are told of a step that made room for another and goes on from what it saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx


@pytest.fixture
def step(client: httpx.Client) -> dict[str, Any]:
    """The newest attempt of the seeded step that was preempted."""
    running = {"name": "describe", "status": "running"}
    (found,) = client.get("/api/v1/runs", params=running).json()
    return client.get(f"/api/v1/runs/{found['id']}").json()


def test_each_attempt_tells_how_it_ended(step: dict[str, Any], client: httpx.Client) -> None:
    tries = step["attempts"]
    assert [(one["status"], one["stopped"]) for one in tries] == [
        ("killed", "preempted"),
        ("running", ""),
    ]
    assert tries[-1]["run"] == step["id"]
    first = client.get(f"/api/v1/runs/{tries[0]['run']}").json()
    assert first["attempts"][0]["run"] == first["id"]


def test_what_was_saved_last_is_told_with_who_saved_it(step: dict[str, Any]) -> None:
    assert step["saved"]["size_bytes"] == 41_300
    assert step["saved"]["attempt"].endswith("/describe/1")


def test_a_step_that_was_tried_once_lists_no_attempts(client: httpx.Client) -> None:
    (found, *_) = client.get("/api/v1/runs", params={"name": "join"}).json()
    step = client.get(f"/api/v1/runs/{found['id']}").json()
    assert (step["attempts"], step["saved"], step["truncated"]) == ([], None, False)
