"""What the pages are told of webhooks: what was settled, what waits, and what is in the way."""

from __future__ import annotations

from typing import Any


def test_a_webhook_tells_what_it_sent_newest_first(get: Any) -> None:
    _, ops = get("/webhooks")
    assert (ops["name"], ops["state"]) == ("flights.ops", "sending")
    assert (ops["url"], ops["events"]) == (
        "https://ops.example.org/towpath",
        ["run.finished", "alert.raised"],
    )
    assert (ops["sent"], ops["refused"]) == (5, 1)
    assert [(one["code"], one["taken"]) for one in ops["deliveries"]][2:4] == [
        (204, True),
        (422, False),
    ]
    numbers = [one["seq"] for one in ops["deliveries"]]
    assert numbers == sorted(numbers, reverse=True)
    assert ops["next_at"] is None


def test_one_that_fails_tells_why_and_when_it_tries_again(get: Any) -> None:
    chat, _ = get("/webhooks")
    assert (chat["name"], chat["state"], chat["failures"]) == ("flights.chat", "failing", 9)
    assert chat["error"] == "chat.example.org answered 503"
    assert chat["next_at"] is not None
    assert chat["deliveries"] == []


def test_what_waits_is_of_its_types_and_its_project(get: Any) -> None:
    found = get("/webhooks")
    for one in found:
        assert {event["type"] for event in one["waiting"]} <= set(one["events"])
        numbers = [event["seq"] for event in one["waiting"]]
        assert numbers == sorted(numbers)
    assert get("/webhooks", project="nobody") == []
