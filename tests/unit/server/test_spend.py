"""What the pages are told of money: budgets, who waits and why, and what it went to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome

ERASURE = "0199a5c2d3e47f60a1b2c3d4e5f60718"


@pytest.fixture
def get(client: httpx.Client) -> Any:
    def get(path: str = "", **params: Any) -> Any:
        answer = client.get(f"/api/v1/spend{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


def test_budgets_come_as_a_tree_with_their_periods(get: Any) -> None:
    budgets = get()["budgets"]
    assert [(one["project"], one["queue"]) for one in budgets] == [
        ("", ""),
        ("bookings", ""),
        ("flights", ""),
        ("flights", "searches"),
    ]
    organisation, bookings, flights, searches = budgets
    assert organisation["spent_micros"] == bookings["spent_micros"] + flights["spent_micros"]
    assert (flights["period"], flights["share"], flights["cpus"]) == ("month", 2.0, 6.0)
    assert (searches["period"], searches["steps"], searches["priority"]) == ("day", 2, -1)


def test_what_runs_is_set_aside_at_every_budget_above_it(get: Any) -> None:
    found = get()
    running = [one for one in found["attempts"] if one["state"] == "running"]
    worst = sum(one["worst_micros"] for one in running)
    organisation, _, flights, _ = found["budgets"]
    assert worst > 0
    assert organisation["reserved_micros"] == flights["reserved_micros"] == worst
    assert flights["cpus_used"] == sum(one["cpus"] for one in running)


def test_what_waits_says_for_what_and_who_holds_it(get: Any, home: SeededHome) -> None:
    with home.ledger.write() as tx:
        until = datetime.now(UTC) + timedelta(minutes=1)
        tx.line.put([replace(one, seen_until=until) for one in tx.line.waiting_for(["seed"])])
    waits = [one for one in get()["attempts"] if one["state"] == "waiting"]
    assert any(
        "may have 6 cpus at once: 6 cpus taken by fit of run" in one["blocker"] for one in waits
    )


def test_a_limit_that_was_crossed_is_an_alert(get: Any) -> None:
    (alert,) = get()["alerts"]
    assert (alert["budget"], alert["share"]) == ("project/flights", 0.2)


def test_days_and_breakdowns_agree(get: Any) -> None:
    days = sum(one["micros"] for one in get()["days"])
    for by in ("project", "queue", "pipeline", "step", "cause"):
        assert get(f"/{by}", days=90)["total_micros"] == days
    assert get("/project", days=1)["total_micros"] < days
    assert get("/project", project="bookings")["lines"][0]["key"] == ["bookings"]


def test_spend_is_told_down_to_models_and_erasures(get: Any) -> None:
    models = get("/model")["lines"]
    assert {line["ref"] for line in models} == {f"model:late@{n}" for n in range(1, 5)}
    (erasure,) = get("/erasure")["lines"]
    assert erasure["ref"] == f"erasure:{ERASURE}"
    assert erasure["micros"] > 0


def test_prices_are_those_in_force(get: Any) -> None:
    found = get()
    assert (found["currency"], found["prices_version"]) == ("USD", 0)
    assert {one["resource"] for one in found["prices"]} == {"cpu", "gpu", "memory", "storage"}


def test_spend_by_something_else_is_refused(client: httpx.Client) -> None:
    answer = client.get("/api/v1/spend/colour")
    assert answer.status_code == 400
    assert "detail" in answer.json()
