"""What the pages are told of data and features: quality, lines, differences, freshness; never a value."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.refs import Ref
from towpath.server.views.features import get_view

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome


def test_a_data_set_is_one_entry_with_its_branches(get: Any) -> None:
    listed = {one["name"]: one for one in get("/datasets")}
    assert not [name for name in listed if "~" in name]
    bookings = listed["bookings"]
    assert (bookings["versions"], bookings["branches"], bookings["looks_personal"]) == (4, 1, 1)


def test_what_surrounds_a_data_set_is_told(get: Any) -> None:
    found = get("/datasets/bookings")
    assert found["tags"] == [{"name": "golden", "number": 1}]
    (branch,) = found["lines"]
    assert (branch["name"], branch["base"], branch["behind"]) == (
        "cheaper",
        "dataset:bookings@2",
        2,
    )
    assert branch["head"] == "dataset:bookings~cheaper@2"
    assert (found["quarantine"], found["quarantined"]) == ("bookings.quarantine", 9)
    assert found["trunk"] is None
    assert get("/datasets/bookings~cheaper")["trunk"] == "bookings"


def test_an_ingest_tells_how_far_it_was_read_and_no_credentials(get: Any) -> None:
    (ingest,) = get("/datasets/airport-observations")["ingests"]
    assert (ingest["source"]["kind"], ingest["mode"], ingest["every"]) == ("files", "merge", "1h")
    assert (ingest["rows"], ingest["version"]) == (504, "dataset:airport-observations@1")
    assert ingest["error"] is None
    assert ingest["at"] is not None


def test_a_version_tells_how_its_rows_did_under_the_rules(get: Any) -> None:
    version = get("/datasets/bookings/versions/2")
    assert (version["quarantined"], version["warnings"], version["tags"]) == (9, 2, [])
    assert version["before"] == "dataset:bookings@1"
    rules = {one["rule"]: one for one in version["checks"]["rules"]}
    assert (rules["Between"]["outcome"], rules["Between"]["broken"]) == ("quarantined", 9)
    assert (rules["OneOf"]["outcome"], rules["OneOf"]["broken"]) == ("warned", 10)
    assert rules["OneOf"]["sample"][0]["key"].keys() == {"booking_id"}
    assert rules["RowCount"]["outcome"] == "kept"
    assert version["checks"]["quarantine"] == "dataset:bookings.quarantine@1"
    first = get("/datasets/bookings/versions/1")
    assert (first["before"], first["tags"], first["quarantined"]) == (None, ["golden"], 0)


def test_a_column_that_looks_personal_shows_no_value(get: Any, client: httpx.Client) -> None:
    profile = get("/datasets/bookings/versions/4/profile")
    columns = {one["name"]: one for one in profile["columns"]}
    contact = columns["contact"]
    assert contact["mark"]["kind"] == "e-mail address"
    assert (contact["kind"], contact["bars"], contact["quantiles"]) == ("hidden", [], {})
    assert columns["fare"]["mark"] is None
    answer = client.get("/api/v1/datasets/bookings/versions/4/profile")
    assert b"example.org" not in answer.content
    assert b"P000" not in answer.content


def test_a_profile_tells_what_goes_together_and_what_sticks_out(get: Any) -> None:
    profile = get("/datasets/bookings/versions/4/profile")
    strongest = profile["associations"][0]
    assert {strongest["one"], strongest["two"]} == {"fare", "miles"}
    assert strongest["measure"] == "rank correlation"
    assert 0.7 < strongest["value"] <= 1
    sizes = [abs(one["value"]) for one in profile["associations"]]
    assert sizes == sorted(sizes, reverse=True)
    fare = next(one for one in profile["columns"] if one["name"] == "fare")
    assert fare["outliers"] > 0
    assert fare["fences"][0] < fare["quantiles"]["50%"] < fare["fences"][1]
    assert profile["repeated"] == 0.0


def test_two_versions_are_compared_in_columns_rows_and_distributions(get: Any) -> None:
    diff = get("/datasets/bookings/diff", before="bookings@2", after="bookings@3")
    rows = diff["rows"]
    assert (rows["added"], rows["removed"], rows["changed"]) == (0, 0, 120)
    assert rows["columns"]["fare"] == 120
    assert set(rows["columns"]) == {"fare", "bags"}
    assert rows["files_shared"] > 0
    moved = [one["column"] for one in diff["shifts"] if one["js"]]
    assert set(moved) == {"fare", "bags"}
    removed = get("/datasets/bookings/diff", before="bookings@3", after="bookings@4")
    assert removed["rows"]["removed"] == 35
    branch = get("/datasets/bookings/diff", before="bookings@golden", after="bookings~cheaper@2")
    assert branch["rows"]["added"] == 491
    quick = get("/datasets/bookings/diff", before="bookings@1", after="bookings@2", rows=False)
    assert quick["rows"] is None


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("bookings@2", "bookings@99", 404),
        ("bookings@2", "bookings@nothing", 404),
        ("bookings@2", "airport-observations@1", 404),
        ("bookings@2", "bookings~nobody@1", 404),
        ("bookings@2", "!!", 400),
    ],
)
def test_what_can_not_be_compared_is_told(
    client: httpx.Client, before: str, after: str, status: int
) -> None:
    answer = client.get("/api/v1/datasets/bookings/diff", params={"before": before, "after": after})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_features_are_found_with_owner_freshness_and_users(get: Any) -> None:
    listed = {one["name"]: one for one in get("/features")}
    weather, habits = listed["airport_weather"], listed["passenger_habits"]
    assert (weather["owner"], weather["ttl_s"]) == ("weather@example.org", 7200)
    assert weather["tags"] == {"domain": "weather", "tier": "gold"}
    assert weather["online"]["freshness"] == "current"
    assert weather["online"]["lag_s"] == 0
    assert weather["services"] == habits["services"] == ["fare_features"]
    assert habits["online"] is None
    assert habits["fresh"] is True
    detail = get("/features/airport_weather")
    assert [one["name"] for one in detail["columns"]] == ["wind_speed", "visib"]
    assert detail["columns"][0]["description"] == "miles an hour"
    assert (detail["time"], detail["created"]) == ("observed", "known")
    assert detail["latest_source"] == "dataset:airport-observations@1"
    assert detail["history"][0]["source"] == "dataset:airport-observations@1"


def test_a_service_tells_what_it_looks_up(get: Any) -> None:
    (listed,) = get("/feature-services")
    service = get("/feature-services/fare_features")
    assert listed["views"] == service["views"] == ["airport_weather", "passenger_habits"]
    assert [one["name"] for one in service["entity"]] == ["origin", "passenger"]
    assert [one["name"] for one in service["columns"]][-1] == "last_bags"
    assert service["lookups"][1]["prefix"] == "last_"


@pytest.mark.parametrize("path", ["/features/nobody", "/feature-services/nobody"])
def test_unknown_features_are_named(client: httpx.Client, path: str) -> None:
    assert client.get(f"/api/v1{path}").status_code == 404


def test_a_view_falls_behind_when_its_source_goes_on_or_its_declaration_changes(
    home: SeededHome,
) -> None:
    now = home.services.clock.now() + timedelta(hours=3)

    class Undone(Exception):
        pass

    with pytest.raises(Undone), home.ledger.write() as tx:
        assert get_view(tx, "airport_weather", now).online.lag_s == 3 * 3600
        body = tx.versions.get(Ref("dataset", "airport-observations")).body
        tx.versions.commit("dataset", "airport-observations", digest="f" * 64, body=body)
        behind = get_view(tx, "airport_weather", now)
        assert (behind.online.freshness, behind.fresh) == ("behind", False)
        row = tx.intents.get("feature_view", "airport_weather")
        tx.intents.put(
            "feature_view", row.name, project=row.project, spec={**row.spec, "ttl_s": 60.0}
        )
        changed = get_view(tx, "airport_weather", now)
        assert (changed.online.freshness, changed.ttl_s) == ("outdated", 60.0)
        raise Undone
