"""Who may call: nobody through another name, nobody without the token where there is one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from served import served

from towpath.core.errors import InvalidSetting
from towpath.server import Access, create_server, serve
from towpath.server.access import COOKIE, OPEN_PATHS, session_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeded_home import SeededHome

TOKEN = "a-long-and-secret-token"
ROUTES = sorted(
    (method, path)
    for path, item in create_server(None, Access())
    .litestar.openapi_schema.to_schema()["paths"]
    .items()
    for method in item
)


@pytest.fixture(scope="module")
def guarded(home: SeededHome) -> Iterator[httpx.Client]:
    with (
        served(home.services, Access(token=TOKEN)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_the_token_unless_it_is_on_the_short_list(
    method: str, path: str, guarded: httpx.Client
):
    response = guarded.request(method, path, json={"token": "wrong"} if method == "post" else None)
    if path == "/api/v1/health/live":
        assert response.status_code == 200
    else:
        assert response.status_code == 401
        assert response.headers["content-type"] == "application/problem+json"


def test_the_short_list_is_short():
    assert {"/api/v1/session", "/api/v1/health/live"} == OPEN_PATHS


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v1/nothing", "/api", "/api/v2"])
def test_what_is_no_route_is_refused_as_well(path: str, guarded: httpx.Client):
    assert guarded.get(path).status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/v1/health/", "//api/v1/health", "/api/v1/health/live/../../health"]
)
def test_no_spelling_of_a_path_gets_around_the_token(path: str, guarded: httpx.Client):
    response = guarded.get(path)
    assert response.status_code != 200 or b"event_time" not in response.content


def test_the_token_opens_the_api(guarded: httpx.Client):
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/v1/health", headers=bearer).status_code == 200
    wrong = {"authorization": f"Bearer {TOKEN}x"}
    assert guarded.get("/api/v1/health", headers=wrong).status_code == 401


def test_signing_in_gives_a_cookie_that_scripts_can_not_read_and_that_is_not_the_token(
    guarded: httpx.Client,
):
    assert guarded.post("/api/v1/session", json={"token": "wrong"}).status_code == 401
    response = guarded.post("/api/v1/session", json={"token": TOKEN})
    assert response.status_code == 204
    cookie = response.headers["set-cookie"]
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/api"} <= set(cookie.split("; "))
    value = response.cookies[COOKIE]
    guarded.cookies.clear()
    headers = {"cookie": f"{COOKIE}={value}"}
    assert guarded.get("/api/v1/health", headers=headers).status_code == 200
    forged = {"cookie": f"{COOKIE}={session_value('another')}"}
    assert guarded.get("/api/v1/health", headers=forged).status_code == 401
    bearer = {"authorization": f"Bearer {value}"}
    assert guarded.get("/api/v1/health", headers=bearer).status_code == 401


def test_pages_are_served_to_everybody_since_they_hold_no_data(guarded: httpx.Client):
    assert guarded.get("/").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8500", "127.0.0.1.evil.example", ""]
)
def test_without_a_token_other_names_for_this_machine_are_refused(host: str, client: httpx.Client):
    response = client.get("/api/v1/health", headers={"host": host})
    assert response.status_code == 421
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8500"])
def test_loopback_names_are_answered(host: str, client: httpx.Client):
    assert client.get("/api/v1/health", headers={"host": host}).status_code == 200


def test_answers_are_marked_for_browsers(client: httpx.Client):
    headers = client.get("/api/v1/health").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


def test_a_socket_open_to_others_needs_a_token(home: SeededHome):
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        with pytest.raises(InvalidSetting, match="everybody"):
            serve(home.services, listener, access=Access())
