"""Labelling over HTTP: the only writes there are, in whose name, and what is shown to whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from seeded_home import SeededHome, seed_home
from seeded_labels import QUEUE, seed_labels
from served import served

from towpath.server import Access, create_server
from towpath.server.access import ACTOR_HEADER, EVENTS, SIGN_IN, WRITES

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = f"/api/v1/labelling/{QUEUE}"
TOKEN = "a-long-and-secret-token"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    folder = tmp_path_factory.mktemp("home")
    seeded = seed_home(folder, days=12, per_day=8)
    seed_labels(seeded, folder)
    yield seeded
    seeded.close()


@pytest.fixture(scope="module")
def client(home: SeededHome) -> Iterator[httpx.Client]:
    with served(home.services) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def post(client: httpx.Client, path: str, actor: str = "dee", **body: Any) -> httpx.Response:
    return client.post(f"{BASE}/{path}", json=body, headers={ACTOR_HEADER: actor})


def taken(client: httpx.Client, actor: str = "dee") -> dict[str, Any]:
    return post(client, "next", actor).json()["item"]


def test_a_queue_tells_how_far_it_is(client: httpx.Client) -> None:
    (queue,) = client.get("/api/v1/labelling").json()
    assert queue == client.get(BASE).json()
    assert [label["name"] for label in queue["labels"]] == ["on time", "late", "cancelled"]
    assert queue["question"] == "Was this flight more than fifteen minutes late?"
    assert queue["version"] == f"dataset:{QUEUE}@1"
    assert queue["labelled"] > 0
    assert queue["open"] > 0
    assert queue["disputed"] > 0
    agreement = client.get(f"{BASE}/agreement").json()
    assert agreement["alpha_low"] <= agreement["alpha"] <= agreement["alpha_high"]
    assert {one["annotator"] for one in agreement["annotators"]} == {"ann", "bob", "cy"}
    assert agreement["pairs"][0]["annotators"] == ["ann", "bob"]
    assert len(agreement["confusion"]) == 3


def test_reading_shows_no_input_of_any_decision(client: httpx.Client) -> None:
    for path in ("", "/agreement", "/disputes"):
        answer = client.get(BASE + path)
        assert answer.status_code == 200
        assert "distance" not in answer.text.replace("distance_", "")
        assert "comment" not in answer.text


def test_an_item_is_taken_judged_and_taken_back(client: httpx.Client, home: SeededHome) -> None:
    item = taken(client)
    assert item["inputs"]["carrier"] in ("UA", "B6", "EV", "DL", "AA")
    assert item["outputs"] is None
    path = f"items/{item['decision_id']}"
    assert post(client, f"{path}/lease").json()["leased_until"] >= item["leased_until"]
    answer = post(client, f"{path}/judgement", label="late", comment="sure", spent_s=2.5)
    assert answer.json()["phase"] in ("open", "settled", "disputed")
    again = post(client, f"{path}/undo").json()
    assert (again["mine"]["label"], again["mine"]["comment"]) == ("late", "sure")
    assert post(client, f"{path}/skip", comment="").status_code == 200
    assert taken(client)["decision_id"] != item["decision_id"]
    with home.ledger.read() as tx:
        said = tx.events.read(types=["label.judged", "label.undone", "label.skipped"])
    mine = [event.type for event in said if event.actor == "dee"]
    assert mine == ["label.judged", "label.undone", "label.skipped"]


def test_a_dispute_is_opened_and_decided(client: httpx.Client) -> None:
    first, *rest = client.get(f"{BASE}/disputes").json()
    path = f"items/{first['decision_id']}"
    seen = post(client, f"{path}/dispute", "judge").json()
    assert seen["item"]["outputs"].keys() == {"late"}
    assert len(seen["judgements"]) == 2
    assert post(client, f"{path}/ruling", "judge", label="late").json() == {"phase": "settled"}
    assert [one["decision_id"] for one in client.get(f"{BASE}/disputes").json()] == [
        one["decision_id"] for one in rest
    ]
    answer = post(client, f"{path}/objection", "ann", comment="I was there")
    assert answer.json() == {"phase": "disputed"}
    assert post(client, f"{path}/ruling", "judge", label=None).json() == {"phase": "settled"}


@pytest.mark.parametrize(
    ("path", "actor", "body", "status", "code"),
    [
        ("items/nobody/judgement", "dee", {"label": "late"}, 404, "not-found"),
        ("items/ITEM/judgement", "dee", {"label": "never"}, 400, "invalid-request"),
        ("items/ITEM/judgement", "dee", {}, 400, "bad-request"),
        ("items/ITEM/judgement", "dee", {"label": 3}, 400, "bad-request"),
        (
            "items/ITEM/judgement",
            "dee",
            {"label": "late", "comment": "x" * 2001},
            400,
            "bad-request",
        ),
        ("items/ITEM/judgement", "dee", {"label": "late", "spent_s": -1}, 400, "bad-request"),
        ("items/ITEM/judgement", "Dee O'Nym", {"label": "late"}, 400, "invalid-name"),
        ("items/ITEM/undo", "nobody", {}, 409, "conflict"),
        ("items/ITEM/objection", "dee", {"comment": ""}, 400, "invalid-request"),
        ("items/ITEM/ruling", "dee", {"label": "late"}, 409, "conflict"),
    ],
)
def test_what_can_not_be_is_told_as_a_problem(
    *, client: httpx.Client, path: str, actor: str, body: dict[str, Any], status: int, code: str
) -> None:
    item = taken(client)
    answer = post(client, path.replace("ITEM", item["decision_id"]), actor, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_long_is_refused(client: httpx.Client) -> None:
    item = taken(client)
    path = f"{BASE}/items/{item['decision_id']}/skip"
    answer = client.post(path, content=b'"' + b"x" * 70_000, headers={ACTOR_HEADER: "dee"})
    assert answer.status_code == 413


def test_an_unknown_queue_is_named(client: httpx.Client) -> None:
    answer = client.get("/api/v1/labelling/late-revue")
    assert answer.status_code == 404
    assert "late-review" in answer.json()["remedy"]


# -- who may write: ADR 0024 ---------------------------------------------------------------------------

DOCUMENT = create_server(None, Access()).litestar.openapi_schema.to_schema()
UNSAFE = [
    (method, path)
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if method not in ("get", "head")
]


def test_every_route_that_writes_is_a_post_on_the_list() -> None:
    assert UNSAFE
    assert {method for method, _ in UNSAFE} == {"post"}
    assert all(path in (SIGN_IN, EVENTS) or path.startswith(WRITES) for _, path in UNSAFE)


@pytest.mark.parametrize("path", sorted(path for _, path in UNSAFE))
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
    ],
)
def test_another_site_s_request_is_refused(
    client: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    path = path.replace("{queue}", QUEUE).replace("{decision_id}", "x")
    answer = client.post(path, json={}, headers={**headers, ACTOR_HEADER: "dee"})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross-site")


def test_our_own_pages_are_let_through(client: httpx.Client) -> None:
    origin = str(client.base_url).rstrip("/")
    for headers in ({"origin": origin}, {"sec-fetch-site": "same-origin", "origin": origin}):
        answer = client.post(f"{BASE}/next", headers={**headers, ACTOR_HEADER: "dee"})
        assert answer.status_code == 200


@pytest.mark.parametrize("path", sorted(path for _, path in UNSAFE if path.startswith(WRITES)))
def test_nothing_is_written_in_nobody_s_name(client: httpx.Client, path: str) -> None:
    path = path.replace("{queue}", QUEUE).replace("{decision_id}", "x")
    answer = client.post(path, data={"label": "late"})
    assert (answer.status_code, answer.json()["code"]) == (403, "nameless")


def test_nobody_is_told_that_another_site_may(client: httpx.Client) -> None:
    answer = client.options(
        f"{BASE}/next",
        headers={
            "origin": "https://evil.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": ACTOR_HEADER,
        },
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/v1/datasets", "/api/v1/runs/x", "/", "/models/late"])
def test_everything_else_is_read_only(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, headers={ACTOR_HEADER: "dee"})
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")


def test_with_a_token_nobody_writes_without_it(home: SeededHome) -> None:
    with (
        served(home.services, Access(token=TOKEN)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        assert post(client, "next").status_code == 401
        headers = {"authorization": f"Bearer {TOKEN}", ACTOR_HEADER: "dee"}
        assert client.post(f"{BASE}/next", headers=headers).status_code == 200
        client.post("/api/v1/session", json={"token": TOKEN})
        assert post(client, "next").status_code == 200  # by the cookie
        forged = {ACTOR_HEADER: "dee", "sec-fetch-site": "cross-site"}
        assert client.post(f"{BASE}/next", headers=forged).status_code == 403


def test_a_server_without_queues_says_so(home: SeededHome) -> None:
    with (
        served(replace(home.services, labels=None)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        assert client.get("/api/v1/labelling").json() == []
        assert client.get(BASE).status_code == 404
