"""Features over HTTP: our own words and Feast's, by service and by view, for whom and for whom not."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.features import FeatureService, FeatureView, LayoutFeatureStore, on_demand
from towpath.assets.features.online import OnlineFeatureStore
from towpath.assets.features.registry import register_service
from towpath.core.clock import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator


class Weather(Schema):
    origin: str
    runway: int
    observed: datetime
    wind: float | None
    gust: int | None
    seen: datetime | None


class Plane(Schema):
    tailnum: str
    seen: datetime
    hours: float


class Route(Schema):
    route: str
    seen: datetime
    distance: float
    hour: int


class Runway(Schema):
    limit: float


class Judged(Schema):
    closed: bool | None


@on_demand(uses=["wind"], request=Runway, returns=Judged)
def closed(rows: pl.DataFrame) -> pl.DataFrame:
    if (rows["limit"] < 0).any():
        raise ValueError("secret limit")
    return rows.select(closed=pl.col("wind") > pl.col("limit"))


WEATHER = Dataset(
    "weather-data", schema=Weather, key=("origin", "runway", "observed"), time="observed"
)
PLANES = Dataset(
    "plane-data", schema=Plane, key=("tailnum", "seen"), time="seen", subject="tailnum"
)
weather = FeatureView(
    "weather",
    source=WEATHER,
    entity=("origin", "runway"),
    time="observed",
    ttl="2h",
    features=["wind", "gust", "seen"],
)
planes = FeatureView("planes", source=PLANES, entity="tailnum", time="seen", features=["hours"])
ROUTES = Dataset("route-data", schema=Route, key=("route", "seen"), time="seen")
routes = FeatureView(
    "routes", source=ROUTES, entity="route", time="seen", features=["distance", "hour"]
)
board = FeatureService("board", views=[weather.lookup("wind"), planes], on_demand=[closed])
plain = FeatureService("plain", views=[planes.lookup("hours", by="plane", prefix="p_")])

COMPUTE = """
import sys
sys.path.insert(0, {folder!r})
import test_features_project as given
from towpath.gateway.features.computer import serve_computations
serve_computations(given.project)
"""
PROJECT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("declared_features", {path!r})
module = importlib.util.module_from_spec(spec)
sys.modules["declared_features"] = module
spec.loader.exec_module(module)
from towpath.operate.projects import Project
project = Project("test", owner="x", feature_services=[module.board])
"""


def time(text: str) -> datetime:
    return parse_time(f"2013-02-28T{text}Z")


@pytest.fixture
def online(bench: Any, tmp_path: Path) -> Iterator[Any]:
    """A gateway with two views that went online at midnight, ten minutes ago, and a plain service."""
    datasets = ParquetDatasetStore(bench.ledger, bench.blobs, bench.keyring)
    features = OnlineFeatureStore(
        bench.ledger,
        LayoutFeatureStore(bench.ledger, bench.blobs),
        bench.online,
        bench.keyring,
        bench.clock,
        withdrawn=frozenset,
    )
    winds = pl.DataFrame(
        [
            ("EWR", 1, time("23:00"), 10.5, 20, time("22:00")),
            ("EWR", 2, time("23:30"), None, None, None),
            ("JFK", 1, time("22:05"), 3.5, 4, None),
        ],
        schema=Weather.polars_schema(),
        orient="row",
    )
    hours = pl.DataFrame(
        [("N1", time("12:00"), 100.0), ("N2", time("12:00"), 200.0)],
        schema=Plane.polars_schema(),
        orient="row",
    )
    datasets.commit(WEATHER, winds, project="test")
    datasets.commit(PLANES, hours, project="test")
    for view in (weather, planes):
        features.materialize(view, project="test")
    bench.clock.advance(timedelta(minutes=10))
    with bench.ledger.write() as tx:
        register_service(tx, plain, project="test")
        spec = {"code": "code:test@1"}
        tx.intents.put("project", "test", project="test", spec=spec, due=False)
    (tmp_path / "test_features_project.py").write_text(PROJECT.format(path=__file__))
    bench.features = features
    bench.compute = [sys.executable, "-c", COMPUTE.format(folder=str(tmp_path))]
    bench.start(compute=lambda _code: bench.compute)
    return bench


@pytest.fixture
def computing(online: Any) -> Any:
    """The same with a service that computes on demand, by a project's code in a process of its own."""
    with online.ledger.write() as tx:
        register_service(tx, board, project="test")
    online.eventually(
        lambda: "board" in online.get("/v2/features").json()["services"], "the new service"
    )
    return online


def test_a_view_answers_for_one_row_in_the_query(online: Any):
    found = online.get("/v2/features/weather", params={"origin": "EWR", "runway": "1"})
    assert found.status_code == 200
    assert found.json() == {
        "name": "weather",
        "features": {"wind": [10.5], "gust": [20], "seen": ["2013-02-28T22:00:00Z"]},
        "lookups": [
            {
                "view": "weather",
                "features": ["wind", "gust", "seen"],
                "presence": ["present"],
                "times": ["2013-02-28T23:00:00Z"],
            }
        ],
    }


def test_a_view_answers_for_many_rows(online: Any):
    asked = {"origin": ["EWR", "JFK", "EWR", None], "runway": [2, 1, 3, 1]}
    found = online.post("/v2/features/weather", {"entities": asked, "features": ["wind"]}).json()
    assert found["features"] == {"wind": [None, None, None, None]}
    (looked,) = found["lookups"]
    assert looked["presence"] == ["present", "outside_max_age", "not_found", "not_found"]
    assert looked["times"] == ["2013-02-28T23:30:00Z", "2013-02-28T22:05:00Z", None, None]


def test_more_rows_than_the_loop_takes_are_answered_alike(online: Any):
    asked = {"tailnum": [f"N{n % 3}" for n in range(1000)]}
    found = online.post("/v2/features/planes", {"entities": asked}).json()
    assert found["features"]["hours"] == [(None, 100.0, 200.0)[n % 3] for n in range(1000)]
    many = {"tailnum": ["N1"] * 10_001}
    assert online.post("/v2/features/planes", {"entities": many}).status_code == 400


def test_a_service_computes_on_demand_in_a_process_of_its_own(computing: Any):
    asked = {"origin": ["EWR", "EWR"], "runway": [1, 2], "tailnum": ["N1", "N9"], "limit": [9, 9]}
    for _ in range(2):
        found = computing.post("/v2/features/board", {"entities": asked})
        assert found.status_code == 200, found.text
        assert found.json()["features"] == {
            "wind": [10.5, None],
            "hours": [100.0, None],
            "closed": [True, None],
        }
    bad = computing.post("/v2/features/board", {"entities": asked | {"limit": [9, -1]}})
    assert bad.status_code == 500
    assert "closed" in bad.json()["error"]
    assert "secret" not in bad.text
    assert computing.post("/v2/features/board", {"entities": asked}).status_code == 200


def test_a_computing_process_that_dies_is_replaced(computing: Any, tmp_path: Path):
    asked = {"origin": ["EWR"], "runway": [1], "tailnum": ["N1"], "limit": [9]}
    assert computing.post("/v2/features/board", {"entities": asked}).status_code == 200
    import psutil

    def children() -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for one in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # or a zombie of some other test's
                if any("test_features_project" in part for part in one.cmdline()):
                    found.append(one)
        return found

    (first,) = children()
    first.kill()
    assert computing.post("/v2/features/board", {"entities": asked}).status_code == 200
    (second,) = children()
    assert second.pid != first.pid
    computing.stop()
    assert children() == []


def test_computing_that_cannot_be_is_unavailable(computing: Any):
    asked = {"origin": ["EWR"], "runway": [1], "tailnum": ["N1"], "limit": [9]}
    computing.compute[:] = [sys.executable, "-c", "raise SystemExit(3)"]
    with computing.ledger.write() as tx:
        row = tx.intents.get("project", "test")
        spec = {**row.spec, "code": "code:test@2"}
        tx.intents.put("project", "test", project="test", spec=spec, due=False)

    def refused() -> bool:
        return computing.post("/v2/features/board", {"entities": asked}).status_code == 503

    computing.eventually(refused, "the new code")
    assert computing.get("/v2/features/plain?plane=N1").json()["features"] == {"p_hours": [100.0]}


def test_names_are_listed(computing: Any):
    assert computing.get("/v2/features").json() == {
        "services": ["board", "plain"],
        "views": ["planes", "weather"],
    }


def test_feast_reads_views_in_its_own_words(online: Any):
    body = {
        "features": ["weather:gust", "planes:hours", "weather:seen"],
        "entities": {"origin": ["EWR", "JFK"], "runway": [1, 1], "tailnum": ["N1", "N9"]},
    }
    found = online.post("/get-online-features", body).json()
    names = found["metadata"]["feature_names"]
    assert names == ["origin", "runway", "tailnum", "gust", "seen", "hours"]
    by_name = dict(zip(names, found["results"], strict=True))
    assert by_name["origin"]["values"] == ["EWR", "JFK"]
    assert by_name["gust"] == {
        "values": [20, None],
        "statuses": ["PRESENT", "OUTSIDE_MAX_AGE"],
        "event_timestamps": ["2013-02-28T23:00:00Z", "2013-02-28T22:05:00Z"],
    }
    assert by_name["hours"]["statuses"] == ["PRESENT", "NOT_FOUND"]
    assert by_name["seen"]["values"] == [int(time("22:00").timestamp()), None]
    full = online.post("/get-online-features", body | {"full_feature_names": True}).json()
    assert "weather__gust" in full["metadata"]["feature_names"]


def test_feast_reads_services(computing: Any):
    body = {
        "feature_service": "board",
        "entities": {"origin": ["EWR"], "runway": [2], "tailnum": ["N1"], "limit": [9.0]},
    }
    found = computing.post("/get-online-features", body).json()
    names = found["metadata"]["feature_names"]
    assert names == ["origin", "runway", "tailnum", "limit", "wind", "hours", "closed"]
    statuses = {name: one["statuses"] for name, one in zip(names, found["results"], strict=True)}
    assert statuses["wind"] == ["NULL_VALUE"]
    assert statuses["closed"] == ["NULL_VALUE"]
    assert statuses["hours"] == ["PRESENT"]


def test_rows_are_pushed_in_our_words_and_in_feasts(online: Any):
    rows = {"tailnum": ["N1", "N2"], "seen": ["2013-02-28T13:00:00Z", "2013-02-28T11:00:00Z"]}
    pushed = online.post("/v2/features/planes/push", {"rows": rows | {"hours": [101, 199]}})
    assert pushed.json() == {"taken": 1, "late": 1, "withdrawn": 0}
    frame = {"tailnum": ["N2"], "event_timestamp": ["2013-02-28T14:00:00"], "created": [None]}
    written = {"feature_view_name": "planes", "df": frame | {"hours": [201.0]}}
    assert online.post("/write-to-online-store", written).status_code == 200
    seconds = int(time("15:00").timestamp())
    later = {"tailnum": ["N3"], "seen": [seconds], "hours": [1.0]}
    push = {"push_source_name": "planes", "df": later, "to": "online"}
    assert online.post("/push", push).status_code == 200
    asked = {"entities": {"tailnum": ["N1", "N2", "N3"]}}
    found = online.post("/v2/features/planes", asked).json()
    assert found["features"]["hours"] == [101.0, 201.0, 1.0]
    offline = online.post("/push", push | {"to": "online_and_offline"})
    assert offline.status_code == 400
    assert "dataset add" in offline.json()["error"]


def test_what_is_observed_later_in_a_replay_can_be_pushed(online: Any):
    ahead = (online.clock.now() + timedelta(hours=1)).isoformat()
    rows = {"tailnum": ["N1"], "seen": [ahead], "hours": [101.0]}
    pushed = online.post("/v2/features/planes/push", {"rows": rows})
    assert pushed.json() == {"taken": 1, "late": 0, "withdrawn": 0}
    found = online.post("/v2/features/planes", {"entities": {"tailnum": ["N1"]}}).json()
    assert found["features"]["hours"] == [101.0]


def test_who_has_withdrawn_is_neither_served_nor_taken_in(online: Any):
    hashed = online.keyring.subject_hash("tailnum", "N1")
    with online.ledger.write() as tx:
        tx.withdrawals.add(hashed)
    asked = {"entities": {"tailnum": ["N2", "N1"]}}
    online.eventually(
        lambda: online.post("/v2/features/planes", asked).status_code == 451, "suppression"
    )
    refused = online.post("/v2/features/planes", asked)
    assert "row 1" in refused.json()["error"]
    assert "N1" not in refused.text
    feast = {"features": ["planes:hours"], "entities": {"tailnum": ["N1"]}}
    assert online.post("/get-online-features", feast).status_code == 451
    rows = {"tailnum": ["N1"], "seen": ["2013-02-28T13:00:00Z"], "hours": [1.0]}
    pushed = online.post("/v2/features/planes/push", {"rows": rows}).json()
    assert pushed == {"taken": 0, "late": 0, "withdrawn": 1}


def test_without_word_for_too_long_nobody_is_looked_up(
    bench: Any, ledger: Any, online: Any
) -> None:
    online.restart(stale_s=0.2)
    about_planes = {"entities": {"tailnum": ["N1"]}}
    assert online.post("/v2/features/planes", about_planes).status_code == 200
    ledger.is_away = True
    stale = online.eventually(
        lambda: (
            (found := online.post("/v2/features/planes", about_planes)).status_code == 503 and found
        ),
        "a refusal",
    )
    assert "who has withdrawn" in stale.json()["error"]
    feast = {"features": ["planes:hours"], "entities": {"tailnum": ["N1"]}}
    assert online.post("/get-online-features", feast).status_code == 503
    by_service = {"entities": {"plane": ["N1"]}}
    assert online.post("/v2/features/plain", by_service).status_code == 503
    # The weather is about nobody.
    found = online.get("/v2/features/weather", params={"origin": "EWR", "runway": "1"})
    assert found.json()["features"]["wind"] == [10.5]
    ledger.is_away = False
    online.eventually(
        lambda: online.post("/v2/features/planes", about_planes).status_code == 200, "an answer"
    )


@pytest.fixture
def boarding(bench: Any, online: Any) -> Any:
    """A model that takes `distance` and `hour`, and a view that knows the distance of routes."""
    rows = pl.DataFrame(
        [("EWR-SFO", time("12:00"), 700.0, 99), ("JFK-BOS", time("12:00"), 300.0, 99)],
        schema=Route.polars_schema(),
        orient="row",
    )
    ParquetDatasetStore(bench.ledger, bench.blobs, bench.keyring).commit(
        ROUTES, rows, project="test"
    )
    online.features.materialize(routes, project="test")
    online.await_route(online.route(board=online.service()))
    return online


def test_a_prediction_looks_its_features_up(boarding: Any):
    said = {"features": "routes", "entities": {"route": ["EWR-SFO", "JFK-BOS"]}}
    hours = {"name": "hour", "shape": [2], "datatype": "INT64", "data": [7, 7]}
    found = boarding.post("/v2/models/board/infer", {"inputs": [hours], "parameters": said})
    assert found.status_code == 200, found.text
    given = boarding.infer(700.0, 300.0)
    assert found.json()["outputs"] == given.json()["outputs"]
    rows = boarding.log.scan("board").collect().select("input.distance", "input.hour")
    assert rows.rows() == [(700.0, 7), (300.0, 7)] * 2


def test_a_replayed_prediction_looks_up_as_of_its_own_time(boarding: Any):
    recent = replace(routes, name="recent", ttl="13h")  # both were observed at noon
    boarding.features.materialize(recent, project="test")
    hour = {"name": "hour", "shape": [1], "datatype": "INT64", "data": [7]}
    said = {"features": "recent", "entities": {"route": ["EWR-SFO"]}}
    for at, status in (("01:00", 200), ("01:01", 400)):
        parameters = said | {"time": f"2013-03-01T{at}:00Z"}
        body = {"inputs": [hour], "parameters": parameters}
        found = boarding.post("/v2/models/board/infer", body)
        assert found.status_code == status, found.text
    assert boarding.log.scan("board").collect()["input.distance"].to_list() == [700.0]


def test_what_the_caller_sends_goes_before_what_is_looked_up(boarding: Any):
    body = boarding.body(123.0, features="routes", entities={"route": ["EWR-SFO"]})
    assert boarding.post("/v2/models/board/infer", body).status_code == 200
    assert boarding.log.scan("board").collect()["input.distance"].to_list() == [123.0]


def test_features_that_cannot_be_looked_up_decide_nothing(boarding: Any, subtests: Any):
    refused = {
        "both": ({"features": "routes"}, 400),
        "nothing": ({"features": "nothing", "entities": {"route": ["x"]}}, 404),
        "route": ({"features": "routes", "entities": {}}, 404),
        "rows": ({"features": "routes", "entities": {"route": ["EWR-SFO"] * 3}}, 400),
    }
    for word, (said, status) in refused.items():
        with subtests.test(word):
            inputs = boarding.body(1.0, 2.0)["inputs"][1:]
            body = {"inputs": inputs, "parameters": said}
            found = boarding.post("/v2/models/board/infer", body)
            assert found.status_code == status, found.text
            assert word in found.json()["error"]
    assert boarding.log.scan("board").collect().is_empty()


def test_a_new_generation_is_served_without_a_gap(online: Any):
    rows = pl.DataFrame([("N1", time("20:00"), 111.0)], schema=Plane.polars_schema(), orient="row")
    before = online.get("/v2/features/planes?tailnum=N1").json()["features"]
    datasets = ParquetDatasetStore(online.ledger, online.blobs, online.keyring)
    datasets.commit(PLANES, rows, project="test")
    online.features.materialize(planes, project="test", whole=True)
    after = online.get("/v2/features/planes?tailnum=N1").json()["features"]
    assert (before, after) == ({"hours": [100.0]}, {"hours": [111.0]})


REFUSALS: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/v2/features/wether?origin=EWR", None, 404, "wether"),
    ("GET", "/v2/features/planes?tail=N1", None, 404, "tailnum"),
    ("GET", "/v2/features/planes", None, 404, "tailnum"),
    ("GET", "/v2/features/weather?origin=EWR&runway=one", None, 400, "runway"),
    ("DELETE", "/v2/features/planes", None, 405, "GET"),
    ("GET", "/get-online-features", None, 405, "POST"),
    ("POST", "/v2/features/planes/pull", {}, 404, "features"),
    ("POST", "/v2/features/planes", {"entities": {"tailnum": [7]}}, 400, "row 0"),
    ("POST", "/v2/features/planes", {"entities": {"tailnum": "N1"}}, 400, "entities"),
    ("POST", "/v2/features/planes", {"entitys": {}}, 400, "entit"),
    (
        "POST",
        "/v2/features/planes",
        {"entities": {"tailnum": ["N1"]}, "features": ["x"]},
        400,
        "hours",
    ),
    (
        "POST",
        "/v2/features/weather",
        {"entities": {"origin": ["a"], "runway": []}},
        400,
        "rows",
    ),
    ("POST", "/v2/features/board", {"entities": {"tailnum": ["N1"]}}, 404, "origin"),
    ("POST", "/v2/features/planes/push", {"rows": {"tailnum": ["N1"]}}, 400, "seen"),
    (
        "POST",
        "/v2/features/planes/push",
        {"rows": {"tailnum": ["N1"], "seen": [1362000000], "hours": [1.0]}},
        400,
        "seen",
    ),
    ("POST", "/v2/features/nothing/push", {"rows": {}}, 404, "nothing"),
    (
        "POST",
        "/get-online-features",
        {"entities": {}, "features": ["hours"]},
        400,
        "view:feature",
    ),
    ("POST", "/get-online-features", {"entities": {}}, 400, "feature_service"),
    (
        "POST",
        "/get-online-features",
        {"features": ["planes:x"], "entities": {"tailnum": ["N1"]}},
        404,
        "planes",
    ),
]


def test_what_cannot_be_asked_is_said(computing: Any, subtests: Any):
    for method, path, body, status, word in REFUSALS:
        with subtests.test(f"{method} {path} {body}"):
            found = computing.client.request(method, computing.url + path, json=body)
            assert found.status_code == status, found.text
            assert word in found.json()["error"]


def test_look_ups_are_counted(online: Any):
    online.get("/v2/features/planes?tailnum=N1")
    online.get("/v2/features/somebody@example.org?tailnum=N1")
    text = online.get("/metrics").text
    assert 'towpath_gateway_feature_lookups_total{features="planes",status="200"} 1' in text
    assert "somebody" not in text


def test_a_token_is_asked_for(bench: Any):
    bench.start(token="open")
    assert bench.get("/v2/features").status_code == 401
    assert bench.get("/health").status_code == 200
    headers = {"authorization": "Bearer open"}
    assert bench.get("/v2/features", headers=headers).json() == {"services": [], "views": []}
