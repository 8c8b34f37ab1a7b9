"""All handlers together, with the two that don't answer JSON: the live stream and the pages."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import HeaderParameter
from litestar.response import ServerSentEvent

from towpath.server.routes import (
    alerts,
    arrivals,
    artifacts,
    catalogue,
    decisions,
    explanations,
    features,
    health,
    incidents,
    labelling,
    lineage,
    logs,
    operations,
    reverse,
    searches,
    spend,
    starts,
    webhooks,
)
from towpath.server.routes.given import GivenPages, GivenStream


@get("/events/stream", tags=["log"])
async def stream_events(
    stream: GivenStream,
    last_event_id: Annotated[int | None, HeaderParameter(name="last-event-id")] = None,
) -> ServerSentEvent:
    """Follow the log and the event-time clock as server-sent events."""
    return ServerSentEvent(stream.listen(last_event_id))


@get(["/", "/{rest:path}"], sync_to_thread=False, include_in_schema=False)
def show_page(request: Request[Any, Any, Any], pages: GivenPages) -> Response[bytes]:
    """Answer a built file, or the page that takes it from there.

    Goes by the request's whole path: below a prefix that other routes share, the router's own path
    parameter holds only the rest.
    """
    return pages.answer(request.scope["path"])


API_HANDLERS = [
    *health.HANDLERS,
    *catalogue.HANDLERS,
    *features.HANDLERS,
    *operations.HANDLERS,
    *alerts.HANDLERS,
    *decisions.HANDLERS,
    *explanations.HANDLERS,
    *incidents.HANDLERS,
    *starts.HANDLERS,
    *webhooks.HANDLERS,
    *searches.HANDLERS,
    *spend.HANDLERS,
    *labelling.HANDLERS,
    *logs.HANDLERS,
    *lineage.HANDLERS,
    *reverse.HANDLERS,
    *arrivals.HANDLERS,
    *artifacts.HANDLERS,
    stream_events,
]

PAGE_HANDLERS = [show_page]
