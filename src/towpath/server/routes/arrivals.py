"""The door for events from outside: CloudEvents, under a token of their own (ADR 0027)."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from litestar import Request, post
from litestar.params import RawBody

from towpath.core.errors import NotFound
from towpath.server.arriving import read_events
from towpath.server.problems import PROBLEM_RESPONSES
from towpath.server.resources.arrivals import EventReceipt
from towpath.server.routes.given import Given

_BODY_BYTES_MOST: Final = 256 * 1024


@post(
    "/events",
    sync_to_thread=True,
    status_code=202,
    tags=["log"],
    responses=PROBLEM_RESPONSES,
    request_max_body_size=_BODY_BYTES_MOST,
)
def take_events(services: Given, request: Request[Any, Any, Any], body: RawBody) -> EventReceipt:
    """Take CloudEvents 1.0: structured, binary or a batch. Sending one again is harmless."""
    if services.inbox is None:
        raise NotFound("this server takes no events")
    verdicts = Counter(services.inbox.take(read_events(request.headers, body)))
    return EventReceipt(
        taken=verdicts["taken"], repeated=verdicts["repeated"], unwanted=verdicts["unwanted"]
    )


HANDLERS = [take_events]
