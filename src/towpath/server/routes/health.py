"""Liveness, health, and signing in with the token."""

from __future__ import annotations

import hmac
import importlib.metadata
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException
from litestar.params import JSONBody

from towpath.server.access import COOKIE, session_value
from towpath.server.resources.health import Health
from towpath.server.routes.given import Given, GivenAccess
from towpath.server.routes.reading import read
from towpath.server.views.exposition import exposition


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The server's token, as a person typed it."""

    token: str


@get("/health/live", sync_to_thread=False, tags=["health"])
def show_liveness() -> dict[str, str]:
    """Answer as long as the process runs; touches nothing and needs no token."""
    return {"status": "ok"}


@read("/health", tag="health")
def show_health(services: Given) -> Health:
    """Answer whether the ledger can be read, and what time it is in event time."""
    with services.ledger.read() as tx:
        size = tx.events.size()
    return Health(
        status="ok",
        version=importlib.metadata.version("towpath"),
        environment=services.environment,
        event_time=services.clock.now(),
        events=size,
    )


@get(
    "/metrics",
    sync_to_thread=True,
    media_type="text/plain; version=0.0.4; charset=utf-8",
    include_in_schema=False,
)
def show_metrics(services: Given) -> str:
    """Tell Prometheus of queues, rollouts, monitors and budgets."""
    with services.ledger.read() as tx:
        return exposition(tx, now=services.clock.now())


@post("/session", sync_to_thread=False, status_code=204, tags=["health"])
def sign_in(data: JSONBody[SignIn], access: GivenAccess) -> Response[None]:
    """Exchange the token for a cookie that pages on this host can't read."""
    if not hmac.compare_digest(data.token.encode(), access.token.encode()):
        raise NotAuthorizedException("that is not this server's token")
    cookie = Cookie(
        key=COOKIE,
        value=session_value(access.token),
        path="/api",
        httponly=True,
        samesite="strict",
    )
    return Response(None, cookies=[cookie])


HANDLERS = [show_liveness, show_health, show_metrics, sign_in]
