"""Who may call: loopback names, a bearer token or its session cookie, and headers for browsers.

The guard stands in front of the whole application and denies by default: every path under `/api`
needs the token when one is set, except the sign-in and the liveness probe. The pages themselves hold
no data and are served to everybody who may connect.

What changes something (ADR 0024) must come from the same origin, by what browsers say of a request and
pages can't forge (Fetch Metadata; the `Origin` header, RFC 6454), lies below the paths in `WRITES`, and
names its actor in a header that no form can send. Programs that are no browsers say nothing of an origin;
theirs is the token.

Events from outside (ADR 0027) come through a door of their own: a POST to `EVENTS` with a token that
opens nothing else. Where no such token is set, the path is written to by nobody.
"""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from towpath.server.problems import problem

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

    from towpath.server.contract import Access

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

COOKIE = "towpath_session"
API = "/api"
SIGN_IN = "/api/v1/session"
WRITES = (
    "/api/v1/labelling/",
    "/api/v1/rollouts/",
    "/api/v1/alerts/",
    "/api/v1/lineage/",
    "/api/v1/incidents",
    "/api/v1/cases/",
    "/api/v1/waivers/",
    "/api/v1/withdrawals",
)
EVENTS = "/api/v1/events"
ACTOR_HEADER = "towpath-actor"
OPEN_PATHS = frozenset({SIGN_IN, "/api/v1/health/live"})

# Status, code, detail and remedy.
_Refusal: TypeAlias = "tuple[int, str, str, str]"
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"same-origin", "none"})

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_STORE = (b"cache-control", b"no-store")


def session_value(token: str) -> str:
    """Return what the session cookie holds: derived from the token, and useless as one."""
    return hmac.new(token.encode(), b"towpath session", hashlib.sha256).hexdigest()


class AccessGuard:
    """ASGI wrapper that lets a request through or answers it itself."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._token = access.token
        self._events_token = access.events_token
        self._hosts = _LOOPBACK | set(access.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"]
        guarded = path.startswith(API)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [*_HEADERS, _NO_STORE] if guarded else list(_HEADERS)
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        if self._events_token and (scope["method"], path) == ("POST", EVENTS):
            refusal = _foreign(headers) or self._unknown_sender(headers)
        else:
            refusal = self._refusal(path, headers, guarded=guarded)
            if refusal is None and scope["method"] not in _SAFE_METHODS:
                refusal = _forgery(path, headers)
        if refusal is None:
            await self._app(scope, receive, send_marked)
            return
        status, code, detail, remedy = refusal
        response = problem(status, detail, code=code, remedy=remedy)
        await response.to_asgi_response(app=None, request=None)(scope, receive, send_marked)  # type: ignore[arg-type]

    def _refusal(self, path: str, headers: dict[bytes, str], *, guarded: bool) -> _Refusal | None:
        """Return why the request may not pass, or None."""
        if not self._token:
            host = _host_name(headers.get(b"host", ""))
            if host not in self._hosts:
                return (
                    421,
                    "unknown-host",
                    f"this server does not answer for {host!r}",
                    "Use 127.0.0.1, or set a token.",
                )
            return None
        if not guarded or path in OPEN_PATHS or self._carries_token(headers):
            return None
        return 401, "unauthorized", "this server asks for its token", "Send it as a bearer token."

    def _unknown_sender(self, headers: dict[bytes, str]) -> _Refusal | None:
        if _bears(headers, self._events_token):
            return None
        remedy = "Send the setting events_token as a bearer token."
        return 401, "unauthorized", "events are taken from those who have their token", remedy

    def _carries_token(self, headers: dict[bytes, str]) -> bool:
        if _bears(headers, self._token):
            return True
        try:
            morsel = SimpleCookie(headers.get(b"cookie", "")).get(COOKIE)
        except CookieError:
            return False
        expected = session_value(self._token)
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), expected.encode())


def _bears(headers: dict[bytes, str], token: str) -> bool:
    """Tell whether a request carries a token as its bearer."""
    scheme, _, found = headers.get(b"authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(found.encode(), token.encode())


def _foreign(headers: dict[bytes, str]) -> _Refusal | None:
    """Return the refusal of what a page of another site sent."""
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        foreign = site not in _OWN_SITE
    else:
        foreign = origin is not None and urlsplit(origin).netloc != headers.get(b"host", "")
    if foreign:
        return 403, "cross-site", "another site sent this request", "Use this server's own pages."
    return None


def _forgery(path: str, headers: dict[bytes, str]) -> _Refusal | None:
    """Return why a request that may change something is not taken for its sender's own wish."""
    if (foreign := _foreign(headers)) is not None:
        return foreign
    if path == SIGN_IN:
        return None
    if not path.startswith(WRITES):
        return 405, "method-not-allowed", "this is read and never written", "Use GET."
    if not headers.get(ACTOR_HEADER.encode()):
        return (
            403,
            "nameless",
            "this request doesn't say in whose name it is made",
            "Send the Towpath-Actor header.",
        )
    return None


def _host_name(header: str) -> str:
    """Return the host of a `Host` header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if ":" in header else header
