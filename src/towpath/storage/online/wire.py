"""Commands to Redis, many in one write and their answers in one wait, past redis-py's pipelines.

Reading three rows takes a server a few microseconds; redis-py's own way there and back takes several
times the round trip. So redis-py connects, with everything that it knows of addresses, passwords, TLS
and databases, and we speak over what it has connected: one write, then hiredis on what comes back.
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from redis import exceptions as exc

from towpath.storage.online.answers import AnswerReader, first_refusal, lost

if TYPE_CHECKING:
    from collections.abc import Generator

    import redis

_BUFFER_BYTES: Final = 1 << 16


class Wire:
    """Connections for look-ups, one to a thread at a time. Thread-safe; a forked process has its own.

    Args:
        pool: Knows how to connect.
    """

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self._pool = pool
        self._idle: deque[_Line] = deque()
        self._pid = os.getpid()

    def ask(self, commands: bytes, count: int) -> list[Any]:
        """Send so many encoded commands, which only read, and return their answers.

        A connection that was lost, because the server was started again, is opened once more.

        Raises:
            redis.RedisError: The server is away, or refuses a command.
        """
        if self._pid != os.getpid():
            self._idle, self._pid = deque(), os.getpid()
        try:
            line = self._idle.pop()
        except IndexError:
            return self._on(self._opened(), commands, count)
        try:
            return self._on(line, commands, count)
        except exc.ConnectionError:
            self.close()  # the others were lost with it
            return self._on(self._opened(), commands, count)

    def stream(self) -> Stream:
        """Return a connection of its own for commands whose answers nobody waits for."""
        return Stream(self._opened())

    def _opened(self) -> _Line:
        # Past the pool's own count of connections, in which those that were lost stay for ever.
        return _Line(self._pool.connection_class(**self._pool.connection_kwargs))

    def _on(self, line: _Line, commands: bytes, count: int) -> list[Any]:
        try:
            found = line.exchange(commands, count)
        except BaseException:
            line.close()  # answers that nobody has read must not be taken for others
            raise
        self._idle.append(line)
        refusal = first_refusal(found)
        if refusal is not None:
            raise refusal
        return found

    def close(self) -> None:
        """Close the connections. Idempotent."""
        while self._idle:
            self._idle.pop().close()


class Stream:
    """Commands sent one after the other, so that the server works on some while more are made.

    Not thread-safe, and useless once it has raised: what was sent may have been done or not. Both
    ends of the connection hold what has not been read, so answers must be short.
    """

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._pending = 0

    def send(self, commands: bytes, count: int) -> None:
        """Send so many encoded commands. Waits only while the server has far more to do.

        Raises:
            redis.RedisError: The server is away.
        """
        with self._broken_by_failure():
            self._line.send(commands)
        self._pending += count

    def settle(self) -> list[Any]:
        """Wait for the answers to everything sent so far, and return them.

        Raises:
            redis.RedisError: The server is away, or refused a command.
        """
        count, self._pending = self._pending, 0
        with self._broken_by_failure():
            found = self._line.receive(count)
            refusal = first_refusal(found)
            if refusal is not None:
                raise refusal
        return found

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._line.close()

    @contextmanager
    def _broken_by_failure(self) -> Generator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


class _Line:
    """A connection that redis-py has made, and its answers."""

    __slots__ = ("_answers", "_buffer", "_connection", "_socket")

    def __init__(self, connection: Any) -> None:
        connection.connect()
        self._connection = connection
        self._socket: socket.socket = connection._sock  # noqa: SLF001 -- it has no public name
        self._buffer = bytearray(_BUFFER_BYTES)
        self._answers = AnswerReader()
        _let_kernel_keep_time(self._socket)

    def exchange(self, commands: bytes, count: int) -> list[Any]:
        """Send commands and return their answers; raises one of redis-py's errors."""
        self.send(commands)
        return self.receive(count)

    def send(self, commands: bytes) -> None:
        """Send commands; raises one of redis-py's errors."""
        try:
            self._socket.sendall(commands)
        except OSError as error:
            raise _translated(error) from error

    def receive(self, count: int) -> list[Any]:
        """Return the next so many answers; raises one of redis-py's errors."""
        line, buffer, answers = self._socket, self._buffer, self._answers
        found: list[Any] = []
        try:
            while len(found) < count:
                size = line.recv_into(buffer)
                if not size:
                    raise lost()
                answers.feed(buffer, size, found)
        except OSError as error:
            raise _translated(error) from error
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()


def _translated(error: OSError) -> exc.RedisError:
    """Return what redis-py raises when a connection fails so."""
    if isinstance(error, BlockingIOError | TimeoutError):
        return exc.TimeoutError("the server does not answer in time")
    return lost()


def _let_kernel_keep_time(line: socket.socket) -> None:
    """Keep a socket's time-out without a system call that waits for it before each one that works.

    That is how Python keeps it; the kernel does it in the call itself (SO_RCVTIMEO in socket(7)).
    TLS can't do without Python's way.
    """
    timeout_s = line.gettimeout()
    if timeout_s is None or type(line) is not socket.socket:
        return
    whole_s = int(timeout_s)
    span = struct.pack("@ll", whole_s, int((timeout_s - whole_s) * 1_000_000))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)
    line.settimeout(None)
