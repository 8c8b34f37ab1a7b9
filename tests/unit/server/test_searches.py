"""What the pages are told of searches: while they go on, and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome


@pytest.fixture(scope="module")
def searches(home: SeededHome) -> list[str]:
    return home.searches


@pytest.fixture
def over(searches: list[str], client: httpx.Client) -> dict[str, Any]:
    return client.get(f"/api/v1/searches/{searches[0]}").json()


@pytest.fixture
def going(searches: list[str], client: httpx.Client) -> dict[str, Any]:
    return client.get(f"/api/v1/searches/{searches[1]}").json()


def test_searches_are_listed_newest_first_a_page_at_a_time(
    searches: list[str], client: httpx.Client
) -> None:
    first = client.get("/api/v1/searches", params={"limit": 1}).json()
    assert [one["id"] for one in first] == [searches[1]]
    then = client.get("/api/v1/searches", params={"before": first[0]["id"]}).json()
    assert [one["id"] for one in then] == [searches[0]]
    assert then[0]["objectives"] == [{"metric": "roc_auc", "direction": "maximize"}]


def test_a_search_tells_every_trial_with_its_place_on_the_axes(over: dict[str, Any]) -> None:
    assert len(over["trials"]) == over["summary"]["wanted"] == 40
    assert [axis["name"] for axis in over["axes"]] == ["boosting", "leaves", "rate", "rows"]
    assert over["axes"][2]["log"]
    places = [place for trial in over["trials"] for place in trial["places"].values()]
    assert all(0 <= place <= 1 for place in places)


def test_the_best_so_far_ends_with_the_best(over: dict[str, Any]) -> None:
    best = next(trial for trial in over["trials"] if trial["rank"] == 0)
    assert over["best_so_far"][-1] == [best["number"], best["values"][0]]
    values = [value for _, value in over["best_so_far"]]
    assert values == sorted(values)


def test_what_was_given_up_or_failed_says_why(over: dict[str, Any]) -> None:
    pruned = [trial for trial in over["trials"] if trial["state"] == "pruned"]
    assert pruned
    assert all("worse at step" in trial["why"] for trial in pruned)
    assert over["trials"][7]["state"] == "failed"
    assert over["trials"][7]["values"] == []
    assert over["counts"]["failed"] == 1


def test_what_mattered_is_told_in_shares_largest_first(over: dict[str, Any]) -> None:
    shares = list(over["importances"].values())
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)


def test_a_search_that_goes_on_shows_its_trials_and_front(going: dict[str, Any]) -> None:
    assert going["summary"]["status"] == "running"
    assert going["counts"]["running"] == 4
    assert going["best_so_far"] == []
    front = [trial["values"] for trial in going["trials"] if trial["on_front"]]
    assert front
    for auc, latency in front:
        others = [trial["values"] for trial in going["trials"] if trial["state"] == "done"]
        assert not any(one[0] > auc and one[1] < latency for one in others)


def test_the_run_of_the_pipeline_leads_to_the_search_in_it(
    over: dict[str, Any], client: httpx.Client
) -> None:
    summary = over["summary"]
    assert client.get(f"/api/v1/searches/{summary['run']}").json()["summary"] == summary


def test_what_is_no_search_is_named(home: SeededHome, client: httpx.Client) -> None:
    assert client.get("/api/v1/searches/nobody").status_code == 404
    answer = client.get(f"/api/v1/searches/{home.runs[0]}")
    assert answer.status_code in (400, 422)
    assert "holds none" in answer.json()["detail"]
