"""Connections: who takes one, how many there are, which have been open for nothing, and how all of them end.

The workers of a gateway share one listening socket. A connection belongs for its whole life to the worker that
took it, so kept-alive connections stay shared out as they were taken: a worker takes one at a time, and leaves
it to the others for a moment while it holds more than the least laden of them. See ADR 0038 for what that does
to the shares.
"""

from __future__ import annotations

import asyncio
import errno
import time
from typing import TYPE_CHECKING, Final

import structlog

from towpath.gateway.http.transport import Connection
from towpath.gateway.workers.roster import Stage

if TYPE_CHECKING:
    import socket

    from towpath.gateway.http.messages import Application
    from towpath.gateway.limits import Limits
    from towpath.gateway.workers.roster import Seat

_SWEEP_S: Final = 1.0
_YIELD_S: Final = 0.002
_YIELD_AGAIN_S: Final = 0.01
_STARTING_S: Final = 0.02
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_EXHAUSTED_S: Final = 0.1
_AT_ONCE: Final = 64

_log = structlog.get_logger()


class HttpServer:
    """Serves one application on one socket. Used from one event loop only.

    Requests of a connection are answered in order, one at a time. Bodies are bounded: a longer one is
    refused when its length is known, unread, and the connection closed.

    Args:
        app: Answers.
        limits: How much, and for how long.
        seat: This worker's place among those that share the socket; None where it serves alone.

    Attributes:
        is_ending: Whether it was told to stop: each answer is then the last of its connection.
    """

    def __init__(self, app: Application, *, limits: Limits, seat: Seat | None = None) -> None:
        self.app = app
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.is_ending = False
        self._seat = seat
        self._listener: socket.socket | None = None
        self._is_open = False
        self._is_taking = False
        self._yielded_at = float("-inf")
        self._connections: set[Connection] = set()
        self._coming: set[asyncio.Task[object]] = set()
        self._is_empty = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections) + len(self._coming)

    async def serve(self, listener: socket.socket, *, until: asyncio.Event) -> None:
        """Answer until the event; then take no more, finish what is under way, and close.

        Args:
            listener: A listening socket; closed at the end.
            until: Ends the serving.
        """
        listener.settimeout(0)  # asyncio asks, and never waits
        self._listener = listener
        self.loop.call_later(self.limits.start_s, self.admit)
        try:
            while not until.is_set():
                await _within(until, _SWEEP_S)
                self._sweep()
            self.is_ending = True
            await asyncio.sleep(self.limits.linger_s)
        finally:
            self._take(wanted=False)
            self._listener = None
            self.is_ending = True
            listener.close()
            await self._drain()

    def admit(self) -> None:
        """Begin to take connections: something is there to answer them with, or nothing will be soon."""
        self._is_open = True
        self._take(wanted=True)

    def opened(self, connection: Connection) -> None:
        """Take note of a connection."""
        self._connections.add(connection)
        self._is_empty.clear()

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self._count()
        if not self._connections:
            self._is_empty.set()
        self._take(wanted=True)

    # -- taking ------------------------------------------------------------------------------------

    def _take(self, *, wanted: bool) -> None:
        """Look out for new connections, or don't."""
        if self._listener is None or not self._is_open or wanted is self._is_taking:
            return
        self._is_taking = wanted
        if wanted:
            self.loop.add_reader(self._listener, self._accept)
        else:
            self.loop.remove_reader(self._listener)

    def _accept(self) -> None:
        """Take connections that wait: one where others might, so that each gets its share."""
        listener = self._listener
        if listener is None or self._yields():
            return
        for _ in range(_AT_ONCE if self._seat is None else 1):
            if self.connections >= self.limits.connections:
                self._take(wanted=False)  # until one of them closes
                return
            try:
                peer, _ = listener.accept()
            except (
                BlockingIOError,
                ConnectionAbortedError,
            ):  # somebody else was faster; it is gone
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                _log.warning("connection.untaken", reason=error.strerror)
                self._pause(_EXHAUSTED_S)
                return
            task = self.loop.create_task(self._adopt(peer))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)
            self._count()

    def _yields(self) -> bool:
        """Leave a connection to the others: while this worker starts, or holds more than one of them.

        In the second case for a moment only. Who holds fewer may be busy, and then it is taken here.
        """
        seat = self._seat
        if seat is None:
            return False
        if seat.stage == Stage.STARTING and seat.roster.is_served():
            # A sibling that is late will answer; this one could say only that it can't yet.
            self._pause(_STARTING_S)
            return True
        fewest = seat.roster.fewest()
        if fewest is None:
            return False
        now = time.monotonic()
        if self.connections <= fewest or now - self._yielded_at < _YIELD_AGAIN_S:
            self._yielded_at = float("-inf")
            return False
        self._yielded_at = now
        self._pause(_YIELD_S)
        return True

    def _pause(self, pause_s: float) -> None:
        self._take(wanted=False)
        self.loop.call_later(pause_s, lambda: self._take(wanted=True))

    async def _adopt(self, peer: socket.socket) -> None:
        try:
            await self.loop.connect_accepted_socket(lambda: Connection(self), peer)
        except OSError as error:  # its caller is gone already
            _log.debug("connection.lost", reason=error.strerror)
            peer.close()

    def _count(self) -> None:
        if self._seat is not None:
            self._seat.hold(self.connections)

    # -- ending ------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """End every connection: behind its next answer, or soon where nothing is asked."""
        for task in list(self._coming):
            await asyncio.wait([task])
        limits = self.limits
        if limits.handover_s and self._connections:
            await _within(self._is_empty, limits.handover_s)
        for connection in list(self._connections):
            connection.end()
        if self._connections:
            await _within(self._is_empty, limits.drain_s)
        for connection in list(self._connections):
            connection.abort()

    def _sweep(self) -> None:
        """End connections that are open for nothing: silent, or too slow to ask or to be answered."""
        now = time.monotonic()
        limits = self.limits
        for connection in list(self._connections):
            if connection.clogged_at is not None:
                if now - connection.clogged_at > limits.write_s:
                    connection.abort()
            elif connection.is_busy:
                continue
            elif connection.begun_at is not None:
                if now - connection.begun_at > limits.read_s:
                    connection.time_out()
            elif now - connection.heard_at > limits.idle_s:
                connection.end()


async def _within(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for an event, but not for longer than so many seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
