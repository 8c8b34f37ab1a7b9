"""What the pages are told of a step that made room for another and goes on from what it saved."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def step(get: Any) -> dict[str, Any]:
    """The newest attempt of the seeded step that was preempted."""
    (found,) = get("/runs", name="describe", status="running")
    return get(f"/runs/{found['id']}")


def test_each_attempt_tells_how_it_ended(step: dict[str, Any], get: Any) -> None:
    tries = step["attempts"]
    assert [(one["status"], one["stopped"]) for one in tries] == [
        ("killed", "preempted"),
        ("running", ""),
    ]
    assert tries[-1]["run"] == step["id"]
    first = get(f"/runs/{tries[0]['run']}")
    assert first["attempts"][0]["run"] == first["id"]


def test_what_was_saved_last_is_told_with_who_saved_it(step: dict[str, Any]) -> None:
    assert step["saved"]["size_bytes"] == 41_300
    assert step["saved"]["attempt"].endswith("/describe/1")


def test_a_step_that_was_tried_once_lists_no_attempts(get: Any) -> None:
    (found, *_) = get("/runs", name="join")
    step = get(f"/runs/{found['id']}")
    assert (step["attempts"], step["saved"], step["truncated"]) == ([], None, False)
