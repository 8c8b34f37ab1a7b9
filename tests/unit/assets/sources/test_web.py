"""Fetching: patient with servers, and careful about where it is sent."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from towpath.assets.sources import web as web_module
from towpath.assets.sources.peers import Peers
from towpath.assets.sources.web import Web
from towpath.core.errors import NotFound, SchemaViolation, Unavailable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = (200, {}, b"good")


def fetch(url: str, **options: Any) -> bytes:
    waited: list[float] = options.pop("waited", [])
    with Web(url, pause=waited.append, **options) as web:
        return web.get(url).content


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_get_better_is_tried_again(scripted: Any, status: int):
    scripted.says("/x", (status, {}, b""), (status, {}, b""), GOOD)
    waited: list[float] = []
    assert fetch(f"{scripted.url}/x", waited=waited) == b"good"
    assert len(waited) == 2
    assert 0.25 <= waited[0] <= 0.5
    assert 0.5 <= waited[1] <= 1.0, "each wait is twice the one before, with jitter"


def test_a_server_says_when_to_come_back(scripted: Any):
    later = {"Retry-After": "7"}
    past = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    scripted.says(
        "/x", (503, later, b""), (429, past, b""), (429, {"Retry-After": "9999"}, b""), GOOD
    )
    waited: list[float] = []
    fetch(f"{scripted.url}/x", waited=waited)
    assert waited == [7.0, 0.0, 60.0]


def test_a_server_that_never_recovers_is_given_up(scripted: Any):
    scripted.says("/x", (503, {}, b"secret words"))
    with pytest.raises(Unavailable, match=r"did not answer .status 503. in 6 tries") as caught:
        fetch(f"{scripted.url}/x?key=hidden")
    assert len(scripted.asked) == 6
    assert "hidden" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_machine_that_is_not_there_is_unavailable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectError"):
        fetch(f"http://127.0.0.1:{port}/x")


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (404, NotFound, "there is nothing"),
        (410, NotFound, "there is nothing"),
        (401, UsageError, "credentials"),
        (403, UsageError, "credentials"),
        (400, UsageError, "status 400"),
    ],
)
def test_a_refusal_is_not_tried_again(
    scripted: Any, status: int, error: type[Exception], said: str
):
    scripted.says("/x", (status, {}, b""))
    with pytest.raises(error, match=said):
        fetch(f"{scripted.url}/x")
    assert len(scripted.asked) == 1


def test_an_answer_has_a_size_that_it_may_not_pass(scripted: Any, monkeypatch: Any):
    monkeypatch.setattr(web_module, "_PAGE_BYTES_MOST", 10)
    scripted.says("/x", (200, {}, b"x" * 11))
    with pytest.raises(SchemaViolation, match="is larger than"):
        fetch(f"{scripted.url}/x")


# -- where it may go ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "number", "private", "allowed"),
    [
        ("https://example.org", "93.184.216.34", False, True),
        ("https://example.org", "2606:2800:220:1::1", False, True),
        ("https://example.org", "127.0.0.1", False, False),
        ("https://example.org", "10.1.2.3", False, False),
        ("https://example.org", "192.168.0.1", False, False),
        ("https://example.org", "::1", False, False),
        ("https://example.org", "fd00::1", False, False),
        ("https://example.org", "::ffff:10.0.0.1", False, False),
        ("https://example.org", "100.64.0.1", False, False),
        ("https://example.org", "169.254.169.254", False, False),
        ("https://example.org", "0.0.0.0", False, False),
        ("https://intra.example.org", "10.1.2.3", True, True),
        ("https://intra.example.org", "169.254.169.254", True, False),
        ("https://intra.example.org", "fe80::1%eth0", True, False),
        ("http://10.1.2.3/x", "10.1.2.3", False, True),
        ("http://10.1.2.3/x", "10.1.2.4", False, False),
        ("http://localhost:80/x", "::1", False, True),
        ("http://localhost:80/x", "10.1.2.3", False, False),
        ("http://169.254.169.254/x", "169.254.169.254", False, True),
    ],
)
def test_machines_are_told_apart_by_their_numbers(
    declared: str, number: str, private: bool, allowed: bool
):
    assert Peers(declared, private=private).allows(number) is allowed


def answer_as(monkeypatch: Any, number: str, port: int) -> None:
    """Let every name resolve to one machine, as a rebinding name server would."""
    real = socket.getaddrinfo

    def resolve(_host: str, _port: Any, *args: Any, **options: Any) -> Any:
        return real(number, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_public_name_that_leads_inside_is_not_connected_to(scripted: Any, monkeypatch: Any):
    scripted.says("/x", GOOD)
    answer_as(monkeypatch, "127.0.0.1", scripted.port)
    with pytest.raises(UsageError, match=r"is at 127\.0\.0\.1, inside a private network"):
        fetch(f"http://data.example.org:{scripted.port}/x")
    assert scripted.asked == [], "not a byte was sent"
    assert fetch(f"http://data.example.org:{scripted.port}/x", private=True) == b"good"


def test_a_redirect_does_not_lead_inside(scripted: Any, elsewhere: Any):
    """The declared machine is meant; where it points to is not."""
    elsewhere.says("/inside", GOOD)
    scripted.says("/x", (302, {"Location": f"{elsewhere.url}/inside"}, b""))
    with pytest.raises(UsageError, match=r"127\.0\.0\.2, inside a private network"):
        fetch(f"{scripted.url}/x")
    assert elsewhere.asked == []


def test_headers_stay_with_their_origin(scripted: Any, another: Any):
    another.says("/there", GOOD)
    scripted.says("/x", (307, {"Location": "/y"}, b""), (307, {"Location": "/y"}, b""))
    scripted.says("/y", (301, {"Location": f"http://localhost:{another.port}/there"}, b""))
    url = f"http://localhost:{scripted.port}/x"
    assert fetch(url, headers={"X-Api-Key": "hidden"}) == b"good"
    sent = [headers.get("X-Api-Key") for _, headers in scripted.asked]
    assert sent == ["hidden", "hidden"]
    [(_, headers)] = another.asked
    assert "X-Api-Key" not in headers


def test_redirects_end(scripted: Any):
    scripted.says("/x", (302, {"Location": "/x"}, b""))
    with pytest.raises(UsageError, match="redirects more than 5 times"):
        fetch(f"{scripted.url}/x")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.org/x", ""])
def test_only_the_web_is_the_web(scripted: Any, location: str):
    scripted.says("/x", (302, {"Location": location}, b""))
    with pytest.raises(UsageError):
        fetch(f"{scripted.url}/x")


def test_the_machines_proxy_is_not_asked(scripted: Any, another: Any, monkeypatch: Any):
    monkeypatch.setenv("HTTP_PROXY", another.url)
    monkeypatch.setenv("ALL_PROXY", another.url)
    scripted.says("/x", GOOD)
    assert fetch(f"{scripted.url}/x") == b"good"
    assert another.asked == []


# -- files ---------------------------------------------------------------------------------------------

BODY = bytes(range(256)) * 64


def cut_off(handler: Any) -> None:
    """Send half of a file, and hang up."""
    handler.send_response(200)
    handler.send_header("ETag", '"one"')
    handler.send_header("Content-Length", str(len(BODY)))
    handler.end_headers()
    handler.wfile.write(BODY[: len(BODY) // 2])
    handler.close_connection = True


def the_rest(handler: Any) -> None:
    assert handler.headers["If-Range"] == '"one"'
    begin = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    rest = BODY[begin:]
    handler.send_response(206)
    handler.send_header("ETag", '"one"')
    handler.send_header("Content-Length", str(len(rest)))
    handler.end_headers()
    handler.wfile.write(rest)


def whole(handler: Any) -> None:
    """The file changed: everything, whatever was asked for."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(BODY[::-1])))
    handler.end_headers()
    handler.wfile.write(BODY[::-1])


@pytest.mark.parametrize(("then", "expected"), [(the_rest, BODY), (whole, BODY[::-1])])
def test_a_download_that_breaks_off_goes_on(
    scripted: Any, tmp_path: Path, then: Any, expected: bytes
):
    scripted.says("/file", cut_off, then)
    with Web(scripted.url, pause=lambda _: None) as web:
        web.download(f"{scripted.url}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == expected
    assert len(scripted.asked) == 2
