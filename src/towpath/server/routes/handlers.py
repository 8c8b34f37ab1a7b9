"""All handlers together, with the two that don't answer JSON: the live stream and the pages."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter
from litestar.response import ServerSentEvent

from towpath.server.routes import catalogue, health, operations, reverse
from towpath.server.routes.given import GivenPages, GivenStream


@get("/events/stream", tags=["log"])
async def stream_events(
    stream: GivenStream,
    last_event_id: Annotated[int | None, Parameter(header="last-event-id")] = None,
) -> ServerSentEvent:
    """Follow the log and the event-time clock as server-sent events."""
    return ServerSentEvent(stream.listen(last_event_id))


@get(["/", "/{path:path}"], sync_to_thread=False, include_in_schema=False)
def show_page(pages: GivenPages, path: str = "") -> Response[bytes]:
    """Answer a built file, or the page that takes it from there."""
    return pages.answer(path)


API_HANDLERS = [
    *health.HANDLERS,
    *catalogue.HANDLERS,
    *operations.HANDLERS,
    *reverse.HANDLERS,
    stream_events,
]
