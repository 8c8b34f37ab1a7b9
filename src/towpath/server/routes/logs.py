"""What steps print: a piece of it, and all of it as it comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from towpath.build.pipelines.reading.following import LogFollower
from towpath.build.pipelines.reading.logs import LogChunk, LogReader
from towpath.core.digests import canonical_json
from towpath.core.errors import InvalidRequest
from towpath.server.resources.logs import StepLog
from towpath.server.routes.given import Given, GivenStream
from towpath.server.routes.reading import read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from towpath.server.stream import EventStream

_LOOK_EVERY_S = 0.5
_HEARTBEAT_EVERY = 20  # looks without news

After = Annotated[int, QueryParameter(ge=0, description="The place to read from.")]


@read("/runs/{run_id:str}/log", tag="runs")
def show_step_log(services: Given, run_id: FromPath[str], after: After = 0) -> StepLog:
    """Show what a step's run printed from a place on."""
    return _resource(LogReader(services.ledger, services.blobs).read(run_id, after=after))


@get("/runs/{run_id:str}/log/stream", tags=["runs"])
async def stream_run_logs(
    services: Given,
    stream: GivenStream,
    run_id: FromPath[str],
    last_event_id: Annotated[str | None, HeaderParameter(name="last-event-id")] = None,
) -> ServerSentEvent:
    """Follow what the steps of a run print as server-sent events, until the run ends.

    `log` carries a `StepLog`; `end` says that all was told. A connection that breaks is taken up where
    it broke: the id of each event holds how far each step was told.
    """
    reader = LogReader(services.ledger, services.blobs)
    await asyncio.to_thread(reader.steps, run_id)  # an unknown run is a 404, not a broken stream
    follower = LogFollower(reader, run_id, places=_places(last_event_id))
    return ServerSentEvent(_follow(follower, stream))


async def _follow(
    follower: LogFollower, stream: EventStream
) -> AsyncIterator[ServerSentEventMessage]:
    quiet = 0
    while not stream.is_closed:
        chunks = await asyncio.to_thread(follower.news)
        place = canonical_json(follower.places).decode()
        for chunk in chunks:
            data = canonical_json(_resource(chunk)).decode()
            yield ServerSentEventMessage(data=data, event="log", id=place)
        if follower.is_over:
            yield ServerSentEventMessage(data="{}", event="end", id=place)
            return
        quiet = 0 if chunks else quiet + 1
        if quiet % _HEARTBEAT_EVERY == _HEARTBEAT_EVERY - 1:
            yield ServerSentEventMessage(comment="still going on")
        await asyncio.sleep(_LOOK_EVERY_S)


def _places(last_event_id: str | None) -> dict[str, int]:
    if not last_event_id:
        return {}
    try:
        return msgspec.json.decode(last_event_id, type=dict[str, int])
    except msgspec.DecodeError as error:
        raise InvalidRequest(
            "the id of the last event is none of ours", remedy="Leave the header out to start over."
        ) from error


def _resource(chunk: LogChunk) -> StepLog:
    return StepLog(
        run=chunk.run_id,
        step=chunk.step,
        text=chunk.text,
        after=chunk.after,
        left_out=chunk.left_out,
        ended=chunk.ended,
    )


HANDLERS = [show_step_log, stream_run_logs]
