"""Makes records durable on behalf of requests that wait in the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from towpath.operate.decisions import encode_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from towpath.operate.decisions import DecisionBatch, Record, SegmentWriter


class Recorder:
    """Hands records to the writer's thread; one wake-up of the loop serves all that one flush wrote.

    Used from one event loop only.
    """

    def __init__(self, writer: SegmentWriter) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._flush: Future[None] | None = None
        self._flushed: asyncio.Future[None] = self._loop.create_future()

    def append(
        self, records: Sequence[Record | DecisionBatch], *, durable: bool
    ) -> asyncio.Future[None]:
        """Append records now; await the result to know that they are on disk.

        The result is shared between requests: shield it. With `durable` false they follow within half
        a second, and nobody need await.

        Raises:
            Overloaded: The disk does not keep up; nothing was appended.
        """
        if len(records) == 1:
            frames = encode_frame(records[0])
        else:
            frames = b"".join(map(encode_frame, records))
        flush = self._writer.append(frames, urgent=durable)
        if flush is not self._flush:
            self._flush = flush
            self._flushed = flushed = self._loop.create_future()
            flush.add_done_callback(lambda done: self._wake(done, flushed))
        return self._flushed

    def _wake(self, done: Future[None], flushed: asyncio.Future[None]) -> None:
        """Pass the outcome of a flush to the loop, from the writer's thread."""
        with suppress(RuntimeError):  # the loop has closed: nobody is left to be told
            self._loop.call_soon_threadsafe(_settle, done, flushed)


def _settle(done: Future[None], flushed: asyncio.Future[None]) -> None:
    if flushed.done():
        return
    error = done.exception()
    if error is None:
        flushed.set_result(None)
    else:
        flushed.set_exception(error)
        flushed.exception()  # an unawaited failure (relaxed) was logged by the writer already
