"""The keys of online tables in a Redis, and the scripts that run on them."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from redis import exceptions as exc

from towpath.core.errors import InfrastructureError, StorageFull, TowpathError, Unavailable
from towpath.storage.online import scripts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    import redis

    from towpath.storage.online.contract import Row

ROWS_PER_CALL: Final = 500
"""How many rows one script takes: well under a millisecond in which nobody else is served."""


class Keyspace:
    """What belongs to one namespace of a server. Thread-safe, as its client is.

    Attributes:
        client: A client that returns bytes.
        index: The key of the set that lists tables; it may list some that are not in force.
    """

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.client = client
        self.index = f"{namespace}:tables"
        self._namespace = namespace
        self._scripts: dict[str, Any] = {}

    def key(self, table: str, part: str) -> str:
        """Return the name of one of a table's keys, as `scripts` lists them."""
        return f"{self._namespace}:{{{table}}}:{part}"

    def hashes(self) -> Iterator[tuple[str, bytes]]:
        """Yield every key of the namespace that holds rows, with its table."""
        for found in self.client.scan_iter(match=f"{self._namespace}:{{*}}:*", count=ROWS_PER_CALL):
            key: bytes = found
            table = key.decode().removeprefix(f"{self._namespace}:{{").partition("}:")[0]
            if not key.endswith((b":state", b":closed")):
                yield table, key

    def run(self, script: str, table: str, *said: str | bytes | int) -> int:
        """Run a script on a table's keys."""
        with redis_errors():
            return self._script(script)(keys=self._keys(table), args=said)

    def run_all(
        self, script: str, table: str, calls: Iterable[Sequence[str | bytes | int]]
    ) -> list[int]:
        """Run a script once for each of `calls`, all of them in one round trip."""
        with redis_errors():
            pipeline = self.client.pipeline(transaction=False)
            for said in calls:
                self._script(script)(keys=self._keys(table), args=said, client=pipeline)
            return pipeline.execute()

    def call(self, script: str, table: str, *said: bytes) -> bytes:
        """Return the command that runs a script on a table's keys; the server knows it from now on."""
        with redis_errors():
            digest: Any = self.client.script_load(script)
        known = digest if isinstance(digest, bytes) else str(digest).encode()
        keys = [key.encode() for key in self._keys(table)]
        return encoded(b"EVALSHA", known, b"%d" % len(keys), *keys, *said)

    def _script(self, script: str) -> Any:
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self.client.register_script(script)
        return known

    def _keys(self, table: str) -> list[str]:
        return [self.key(table, part) for part in scripts.KEYS]


def encoded(*words: bytes) -> bytes:
    """Return a command as the protocol writes it."""
    said = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"".join((b"*%d\r\n" % len(words), *said))


def pieces_of(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Cut rows into as many as one script takes."""
    return iter(partial(_next_piece, iter(rows)), ())


def _next_piece(rows: Iterator[Row]) -> tuple[Row, ...]:
    return tuple(islice(rows, ROWS_PER_CALL))


@contextmanager
def redis_errors() -> Generator[None]:
    """Raise what redis-py raises inside as one of Towpath's errors. No message repeats a value."""
    try:
        yield
    except exc.RedisError as error:
        raise translated(error) from error


def translated(error: exc.RedisError) -> TowpathError:
    """Return the error of ours that says what redis-py's means."""
    if isinstance(error, exc.OutOfMemoryError):
        return StorageFull(
            "the Redis of the online store has no memory left",
            remedy="Raise its maxmemory, or keep fewer entities online.",
        )
    if isinstance(error, exc.ConnectionError | exc.TimeoutError | exc.ReadOnlyError):
        return Unavailable(
            "the Redis of the online store does not answer",
            remedy="Check that it runs, is a primary and can be reached, then retry.",
        )
    code = str(error).partition(" ")[0]
    return InfrastructureError(
        f"the Redis of the online store refused a command: {code}",
        remedy="Its own log says more.",
    )
