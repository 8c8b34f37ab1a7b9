"""Live news: one reader follows the ledger's log and feeds every browser that listens.

The reader runs only while somebody listens, so an idle server asks the database nothing. A listener
that falls behind loses its queue and is told to read everything again, rather than slowing others.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from litestar.response import ServerSentEventMessage

from towpath.core.digests import canonical_json
from towpath.core.errors import TowpathError
from towpath.server.views.events import log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from towpath.ledger.records import Event
    from towpath.server.contract import Services

_BATCH = 200
_QUEUE = 64
_HEARTBEAT_S = 10.0

_log = structlog.get_logger()


class EventStream:
    """Server-sent events: `log` with a batch of entries, `clock` with event time, `reset`.

    Belongs to one event loop.
    """

    def __init__(self, services: Services, *, poll_s: float = 0.5) -> None:
        self._services = services
        self._poll_s = poll_s
        self._listeners: set[asyncio.Queue[ServerSentEventMessage | None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._seen = -1
        self._told_at = 0.0
        self._told_time: datetime | None = None
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether the server is going down, so that streams shall end."""
        return self._closed

    async def listen(self, after: int | None = None) -> AsyncIterator[ServerSentEventMessage]:
        """Yield messages from log entry `after` on (from now on, when None) until `close`."""
        if self._closed:
            return
        queue: asyncio.Queue[ServerSentEventMessage | None] = asyncio.Queue(_QUEUE)
        size = await asyncio.to_thread(self._size)
        if not self._listeners:
            self._seen = size - 1
        self._listeners.add(queue)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._follow())
        try:
            if after is not None and after < self._seen:
                # What was missed may be long; the client reads its pages again instead.
                yield _message("reset", {"seq": self._seen}, seq=self._seen)
            yield _clock(await asyncio.to_thread(self._services.clock.now))
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener's stream, so that connections drain at shutdown."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
        for queue in tuple(self._listeners):
            self._end(queue)

    async def _follow(self) -> None:
        while self._listeners:
            try:
                events, now = await asyncio.to_thread(self._news)
            except TowpathError as error:
                _log.warning("stream.waiting", code=error.code)
            else:
                if events:
                    self._seen = events[-1].seq
                    batch = [log_event(event) for event in events]
                    self._tell(_message("log", batch, seq=self._seen))
                self._tell_time(now)
            await asyncio.sleep(self._poll_s)

    def _tell_time(self, now: datetime) -> None:
        """Send event time when it moved, and otherwise now and then, so that proxies keep the line."""
        wall = time.monotonic()
        if now != self._told_time or wall - self._told_at > _HEARTBEAT_S:
            self._told_at, self._told_time = wall, now
            self._tell(_clock(now))

    def _tell(self, message: ServerSentEventMessage) -> None:
        for queue in tuple(self._listeners):
            if queue.full():
                self._end(queue)
            else:
                queue.put_nowait(message)

    def _end(self, queue: asyncio.Queue[ServerSentEventMessage | None]) -> None:
        self._listeners.discard(queue)
        while queue.full():
            with suppress(asyncio.QueueEmpty):
                queue.get_nowait()
        queue.put_nowait(None)

    def _size(self) -> int:
        with self._services.ledger.read() as tx:
            return tx.events.size()

    def _news(self) -> tuple[list[Event], datetime]:
        with self._services.ledger.read() as tx:
            events = tx.events.read(after=self._seen, limit=_BATCH)
        return events, self._services.clock.now()


def _clock(now: datetime) -> ServerSentEventMessage:
    return _message("clock", {"event_time": now})


def _message(event: str, data: object, *, seq: int | None = None) -> ServerSentEventMessage:
    return ServerSentEventMessage(data=canonical_json(data).decode(), event=event, id=seq)
