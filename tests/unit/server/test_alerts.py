"""Alerts over the API: what stood out and what it cost, and what people do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.server.access import ACTOR_HEADER

if TYPE_CHECKING:
    import httpx

KIM = {ACTOR_HEADER: "kim"}


@pytest.fixture
def alert(get: Any) -> dict[str, Any]:
    return get("/alerts")[0]


def test_an_alert_comes_with_the_curves_that_show_it(get: Any, alert: dict[str, Any]) -> None:
    shown = get(f"/alerts/{alert['id']}")
    assert shown["features"] == alert["features"]
    assert {one["key"] for one in shown["series"]} >= {"score"}


def test_an_alert_that_nobody_raised_is_not_found(client: httpx.Client) -> None:
    assert client.get("/api/v1/alerts/nothing").status_code == 404


def test_people_take_an_alert_on_put_it_off_and_end_it(
    client: httpx.Client, alert: dict[str, Any]
) -> None:
    at = f"/api/v1/alerts/{alert['id']}"
    taken = client.post(f"{at}/acknowledge", headers=KIM)
    assert (taken.status_code, taken.json()["state"], taken.json()["by"]) == (
        200,
        "acknowledged",
        "kim",
    )
    snoozed = client.post(f"{at}/snooze", headers=KIM, json={"span": "2d"}).json()
    assert snoozed["state"] == "snoozed"
    assert snoozed["snoozed_until"] is not None
    assert client.post(f"{at}/snooze", headers=KIM, json={"span": "soon"}).status_code == 400
    ended = client.post(f"{at}/resolve", headers=KIM, json={"why": "a new sensor"}).json()
    assert (ended["state"], ended["why"]) == ("resolved", "a new sensor")
    assert client.post(f"{at}/acknowledge", headers=KIM).status_code == 409
