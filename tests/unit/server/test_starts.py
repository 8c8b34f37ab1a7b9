"""What the pages are told of schedules, triggers, backfills, and of runs that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeded_runs import BACKFILL

from towpath.operate.scheduling import pause, resume

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome


def test_a_schedule_tells_the_moments_that_come_in_utc(get: Any) -> None:
    monday, nightly = get("/schedules")
    assert (nightly["name"], nightly["cron"]) == ("flights.nightly", "0 3 * * *")
    assert nightly["tz"] == "America/New_York"
    assert len(nightly["coming"]) == 5
    assert {moment[11:] for moment in nightly["coming"]} == {"07:00:00Z"}
    assert nightly["coming"] == sorted(nightly["coming"])
    assert (monday["state"], nightly["state"]) == ("paused", "watching")


def test_answers_come_newest_first_with_their_reasons(get: Any) -> None:
    answers = get("/schedules")[1]["answers"]
    assert [one["verdict"] for one in answers] == ["started", "skipped", "started"]
    assert answers[1]["why"].endswith("is still running")


def test_a_pause_shows_at_once_and_so_does_its_end(get: Any, home: SeededHome) -> None:
    def state() -> str:
        return next(one["state"] for one in get("/triggers") if one["name"] == "flights.on-weather")

    with home.ledger.write() as tx:
        pause(tx, "trigger", "flights.on-weather")
    assert state() == "paused"
    with home.ledger.write() as tx:
        resume(tx, "trigger", "flights.on-weather")
    assert state() == "watching"


def test_a_trigger_tells_what_it_waits_for(get: Any) -> None:
    found = {one["name"]: one for one in get("/triggers")}
    event, version = found["flights.imported"], found["flights.on-weather"]
    assert (event["kind"], event["on"]) == ("event", "com.airport.day.imported")
    assert event["source"] == "/airports/nyc"
    assert (version["kind"], version["on"], version["cooldown"]) == ("dataset", "weather", "1d")
    assert version["answers"][0]["what"] == "weather@4"


def test_a_backfill_counts_its_windows_and_lists_those_that_began(get: Any) -> None:
    (listed,) = get("/backfills", project="flights")
    assert get("/backfills", project="nobody") == []
    found = get(f"/backfills/{BACKFILL}")
    assert found["counts"] == listed["counts"]
    assert sum(found["counts"].values()) == found["windows"] == 18
    assert found["every_s"] == 7 * 86_400
    assert [one["phase"] for one in found["started"]][:5] == [
        "done",
        "done",
        "failed",
        "done",
        "refused",
    ]
    assert found["started"][2]["error"] == "step 'fit' failed: no rows in the window"
    assert found["started"][0]["run"] is not None


def test_an_unknown_backfill_is_named(client: httpx.Client) -> None:
    assert client.get("/api/v1/backfills/nobody").status_code == 404


def test_runs_that_are_wanted_are_listed_until_they_are_over(get: Any) -> None:
    wanted = {one["name"]: one for one in get("/wanted-runs")}
    assert wanted["flights.manual"]["phase"] == "new"
    assert wanted["flights.manual"]["reason"] == "manual"
    assert f"backfill.{BACKFILL}.00000" not in wanted
    assert f"backfill.{BACKFILL}.00005" in wanted
