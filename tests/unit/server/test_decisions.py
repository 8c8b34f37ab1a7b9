"""Decisions over the API: filters, pages, and that reading them is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome

SERVICE = "delay-board"


def test_pages_reach_every_decision_once(get: Any, home: SeededHome) -> None:
    seen: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = get("/decisions", service=SERVICE, limit=9, **before)
        seen += [one["decision_id"] for one in page["decisions"]]
        if page["before"] is None:
            break
        before = {"before": page["before"]}
    assert sorted(seen) == sorted(home.decision_ids)
    assert seen == sorted(seen, reverse=True)


def test_a_row_says_what_was_asked_answered_and_true(get: Any) -> None:
    page = get("/decisions", service=SERVICE, limit=1000)
    assert "distance" in page["inputs"]
    assert page["outputs"] == ["late"]
    labelled = [one for one in page["decisions"] if one["label"] is not None]
    assert labelled
    for one in page["decisions"]:
        assert set(one["inputs"]) <= set(page["inputs"])
        assert one["weight"] == 1.0


def test_filters_narrow(get: Any) -> None:
    every = get("/decisions", service=SERVICE, limit=1000)["decisions"]
    model = every[0]["model"]
    mine = get("/decisions", service=SERVICE, limit=1000, model=model)["decisions"]
    assert mine == [one for one in every if one["model"] == model]
    since = sorted(one["at"] for one in every)[len(every) // 2]
    later = get("/decisions", service=SERVICE, limit=1000, since=since)["decisions"]
    assert {one["decision_id"] for one in later} == {
        one["decision_id"] for one in every if one["at"] >= since
    }
    assert get("/decisions", service="nobody")["decisions"] == []


def test_reading_is_recorded_without_the_key(get: Any, home: SeededHome) -> None:
    get("/decisions", service=SERVICE, key="private-7", arm="champion", limit=3)
    with home.ledger.read() as tx:
        event = tx.events.read(types=["decisions.read"], newest_first=True, limit=1)[0]
    assert event.subject == f"service:{SERVICE}"
    assert event.payload["where"] == {"arm": "champion"}
    assert "private-7" not in str(event)


def test_what_is_no_time_or_number_is_refused(client: httpx.Client) -> None:
    for asked in ({"since": "soon"}, {"limit": "0"}, {"limit": "1001"}):
        answer = client.get("/api/v1/decisions", params={"service": SERVICE, **asked})
        assert answer.status_code == 400
    assert client.get("/api/v1/decisions").status_code == 400
