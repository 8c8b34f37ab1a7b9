"""Commands to Redis, many in one write and their answers in one wait, past redis-py's pipelines.

A pipeline of redis-py costs several times what the server needs for three look-ups. Its connections
are used as they are, with everything that they know of addresses, passwords, TLS and protocols.
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import redis

_ATTEMPTS: Final = 2


class Wire:
    """Connections for look-ups, one to a thread at a time. Thread-safe."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._idle: deque[Any] = deque()

    def ask(self, commands: bytes, answers: int) -> list[Any]:
        """Send encoded commands that only read, and return so many answers.

        A connection that was lost, because the server was started again, is opened once more.

        Raises:
            redis.RedisError: The server is away, or refuses a command.
        """
        from redis import exceptions as exc  # noqa: PLC0415 -- an optional library

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._pool.make_connection()
            try:
                connection.send_packed_command([commands], check_health=False)
                found = [connection.read_response() for _ in range(answers)]
            except exc.ConnectionError:
                connection.disconnect()
                if attempt == _ATTEMPTS:
                    raise
            except BaseException:
                connection.disconnect()  # answers that nobody has read must not be taken for others
                raise
            else:
                self._idle.append(connection)
                return found
        raise AssertionError  # the last attempt returned or raised

    def close(self) -> None:
        """Close the connections. Idempotent."""
        while self._idle:
            self._idle.pop().disconnect()


def encoded(*words: bytes) -> bytes:
    """Return one command as the protocol writes it."""
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(one), one) for one in words])
