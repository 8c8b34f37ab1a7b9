"""Look-ups of a Redis from an event loop: one connection that all of its tasks share.

Redis answers commands in the order in which they were sent, so whoever asks needs no connection of his
own, and no turn: his answers are the next that nobody before him has asked for.
https://redis.io/docs/latest/develop/using-commands/pipelining/
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from redis import exceptions as exc

from towpath.storage.online.answers import AnswerReader, first_refusal, lost
from towpath.storage.online.failures import reads_closed
from towpath.storage.online.keyspace import translated

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

    from towpath.storage.online.contract import Found, Wanted
    from towpath.storage.online.look_ups import LookUps


class RedisLoopReads:
    """See `LoopReads`. A connection that was lost is opened once more, and what was asked asked again.

    Args:
        pool: Knows how to connect, and how long a server may take to answer.
        look_ups: Write the commands, and read the answers.
    """

    def __init__(self, pool: ConnectionPool, look_ups: LookUps) -> None:
        self._pool = pool
        self._look_ups = look_ups
        self._timeout_s: float = pool.connection_kwargs["socket_timeout"]
        self._turn = asyncio.Lock()
        self._stream: _Stream | None = None
        self._closed = False

    async def read(self, wanted: Wanted) -> list[Found]:
        """See `LoopReads.read`."""
        if not wanted:
            return []
        try:
            answers = await self._ask(self._look_ups.encode(wanted), len(wanted))
            refusal = first_refusal(answers)
            if refusal is not None:
                raise refusal
        except exc.RedisError as error:
            raise translated(error) from error
        return self._look_ups.decode(answers)

    async def aclose(self) -> None:
        """See `LoopReads.aclose`."""
        self._closed = True
        async with self._turn:
            stream, self._stream = self._stream, None
            if stream is not None:
                await stream.close()

    async def _ask(self, commands: bytes, count: int) -> list[Any]:
        stream = self._stream
        if stream is not None and not stream.is_lost:
            try:
                return await stream.ask(commands, count)
            except exc.ConnectionError:
                pass  # the server was started again: once more, on a connection to it
        stream = await self._connected()
        return await stream.ask(commands, count)

    async def _connected(self) -> _Stream:
        """Return the connection, made by whoever comes first."""
        async with self._turn:
            if self._closed:
                raise reads_closed()
            stream = self._stream
            if stream is not None and not stream.is_lost:
                return stream
            if stream is not None:
                self._stream = None
                await stream.close()
            connection = self._pool.make_connection()
            try:
                await connection.connect()
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            self._stream = _Stream(connection, self._timeout_s)
            return self._stream


class _Asked:
    """Commands that were sent, and their answers as they come."""

    __slots__ = ("answers", "begins", "count", "done")

    def __init__(self, count: int, begins: float, done: asyncio.Future[list[Any]]) -> None:
        self.count = count
        self.begins = begins
        self.done = done
        self.answers: list[Any] = []


class _Stream(asyncio.Protocol):
    """A connection that redis-py has made, taken over from its reader.

    Attributes:
        is_lost: Whether nothing more can be asked here.
    """

    def __init__(self, connection: Any, timeout_s: float) -> None:
        self.is_lost = False
        self._connection = connection
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._reader = AnswerReader()
        self._asked: deque[_Asked] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: Any = connection._writer.transport  # noqa: SLF001 -- it has no public name
        self._transport.set_protocol(self)

    def ask(self, commands: bytes, count: int) -> asyncio.Future[list[Any]]:
        """Send so many commands; the future is done when all their answers are there."""
        done: asyncio.Future[list[Any]] = self._loop.create_future()
        if self.is_lost:
            done.set_exception(lost())
            return done
        self._asked.append(_Asked(count, self._loop.time(), done))
        self._transport.write(commands)
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout_s, self._see_to_oldest)
        return done

    def data_received(self, data: bytes) -> None:
        """Hand the answers that are whole to whom they belong."""
        found: list[Any] = []
        try:
            self._reader.feed(data, len(data), found)
        except exc.RedisError as error:
            self._fail(error)
            return
        for answer in found:
            if not self._asked:
                self._fail(
                    lost()
                )  # it answers what nobody asked: nothing can be told apart any more
                return
            oldest = self._asked[0]
            oldest.answers.append(answer)
            if len(oldest.answers) == oldest.count:
                self._asked.popleft()
                if not oldest.done.done():  # else the task that asked was cancelled
                    oldest.done.set_result(oldest.answers)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Tell all who wait that no answer will come."""
        self._fail(lost())

    async def close(self) -> None:
        """Close the connection; whoever waits is told."""
        self._fail(lost())
        await self._connection.disconnect(nowait=True)

    def _see_to_oldest(self) -> None:
        """Give up on a server that takes too long: one timer watches all that is asked."""
        self._watch = None
        if not self._asked:
            return
        left_s = self._asked[0].begins + self._timeout_s - self._loop.time()
        if left_s <= 0:
            self._fail(exc.TimeoutError("the server does not answer in time"))
        else:
            self._watch = self._loop.call_later(left_s, self._see_to_oldest)

    def _fail(self, error: exc.RedisError) -> None:
        """Let nobody wait here, nor ask, any more."""
        self.is_lost = True
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        waiting, self._asked = self._asked, deque()
        for one in waiting:
            if not one.done.done():
                one.done.set_exception(error)
        self._transport.abort()
