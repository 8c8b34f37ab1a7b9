"""Online rows in Redis: one hash per table, so that a look-up of any width is one command."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from towpath.core.errors import NotFound, Unavailable
from towpath.core.ids import new_id
from towpath.core.refs import check_name
from towpath.storage.online import scripts
from towpath.storage.online.contract import Head
from towpath.storage.online.failures import other_generation
from towpath.storage.online.keyspace import (
    ROWS_PER_CALL,
    Keyspace,
    pieces_of,
    redis_errors,
    translated,
)
from towpath.storage.online.look_ups import LookUps
from towpath.storage.online.loop_wire import RedisLoopReads
from towpath.storage.online.remote_draft import RedisDraft
from towpath.storage.online.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis
    import redis.asyncio

    from towpath.storage.online.contract import Found, Row, Wanted

TIMEOUT_S: Final = 5.0
"""How long a server may take to connect, or to answer."""

_CLOSED_WAIT_S: Final = 0.005
_CLOSED_MOST_S: Final = 60.0


class RedisOnlineStore:
    """See `OnlineStore`. One server, or a cluster in which each table lives on one node.

    Args:
        client: A client that returns bytes; closed with the store.
        loop_pool: Connects event loops to the same server.
        namespace: Begins the name of every key.
    """

    def __init__(
        self, client: redis.Redis, loop_pool: redis.asyncio.ConnectionPool, *, namespace: str
    ) -> None:
        self._client = client
        self._loop_pool = loop_pool
        self._keyspace = Keyspace(client, namespace)
        self._look_ups = LookUps(self._keyspace)
        self._wire = Wire(client.connection_pool)

    def read(self, wanted: Wanted) -> list[Found]:
        """See `OnlineStore.read`: one command per table, all in one round trip."""
        try:
            answers = self._wire.ask(self._look_ups.encode(wanted), len(wanted))
        except RedisError as error:
            raise translated(error) from error
        return self._look_ups.decode(answers)

    def in_loop(self) -> RedisLoopReads:
        """See `OnlineStore.in_loop`."""
        return RedisLoopReads(self._loop_pool, self._look_ups)

    def head(self, table: str) -> Head | None:
        """See `OnlineStore.head`."""
        with redis_errors():
            state = self._keyspace.key(table, "state")
            found: Any = self._client.execute_command("HMGET", state, "generation", "body")
        token, body = found
        return None if token is None else Head(generation=token.decode(), body=body or b"")

    def tables(self) -> list[str]:
        """See `OnlineStore.tables`."""
        return self._that_have("generation")

    def count(self, table: str) -> int:
        """See `OnlineStore.count`."""
        with redis_errors():
            return max(0, self._client.hlen(self._keyspace.key(table, "rows")) - 1)

    def begin(self, table: str) -> RedisDraft:
        """See `OnlineStore.begin`."""
        token = new_id()
        with redis_errors():  # first, so that a draft whose writer is killed can be found
            self._client.sadd(self._keyspace.index, check_name(table, "online table"))
        self._keyspace.run(scripts.BEGIN, table, token)
        with redis_errors():
            stream = self._wire.stream()
        return RedisDraft(self._keyspace, stream, table, token)

    def update(
        self, table: str, rows: Sequence[Row], *, generation: str, body: bytes | None = None
    ) -> int:
        """See `OnlineStore.update`."""
        calls: list[tuple[str | bytes, ...]] = [
            (generation, b"0", b"", *chain.from_iterable(piece)) for piece in pieces_of(rows)
        ]
        if body is not None or not calls:
            calls.append((generation, b"0" if body is None else b"1", body or b""))
        answers = self._keyspace.run_all(scripts.UPDATE, table, calls)
        if min(answers) < 0:
            raise other_generation(table)
        return sum(answers)

    def put(self, table: str, rows: Sequence[Row], *, generation: str | None = None) -> int:
        """See `OnlineStore.put`."""
        known = generation or ""
        return sum(self._put(table, piece, known) for piece in pieces_of(rows))

    def carried(self, table: str) -> Iterator[Row]:
        """See `OnlineStore.carried`."""
        with redis_errors():
            yield from self._client.hscan_iter(
                self._keyspace.key(table, "carried"), count=ROWS_PER_CALL
            )

    def drafts(self) -> list[str]:
        """See `OnlineStore.drafts`."""
        return self._that_have("draft")

    def walk(self) -> Iterator[tuple[str, Row]]:
        """See `OnlineStore.walk`."""
        with redis_errors():
            for table, key in self._keyspace.hashes():
                for row in self._client.hscan_iter(key, count=ROWS_PER_CALL):
                    yield table, row

    def drop(self, table: str) -> bool:
        """See `OnlineStore.drop`."""
        there = bool(self._keyspace.run(scripts.DROP, check_name(table, "online table")))
        with redis_errors():
            self._client.srem(self._keyspace.index, table)
        return there

    def close(self) -> None:
        """See `OnlineStore.close`."""
        self._wire.close()
        self._client.close()

    def _that_have(self, field: str) -> list[str]:
        """Return the tables whose state has a field, sorted."""
        with redis_errors():
            names: Any = self._client.execute_command("SMEMBERS", self._keyspace.index)
            listed = sorted(str(name, "utf-8") for name in names)
            pipeline = self._client.pipeline(transaction=False)
            for table in listed:
                pipeline.hexists(self._keyspace.key(table, "state"), field)
            there = pipeline.execute()
        return [table for table, is_there in zip(listed, there, strict=True) if is_there]

    def _put(self, table: str, piece: Sequence[Row], generation: str) -> int:
        """Put one piece, waiting while a draft is being published."""
        deadline = time.monotonic() + _CLOSED_MOST_S
        while True:
            said = chain.from_iterable(piece)
            newer = self._keyspace.run(scripts.PUT, table, generation, *said)
            if newer >= 0:
                return newer
            if newer == scripts.NO_TABLE:
                raise NotFound.named("online table", table, self.tables())
            if newer == scripts.OTHER_GENERATION:
                raise other_generation(table)
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the online table {table!r} stayed closed for {_CLOSED_MOST_S:.0f} s",
                    remedy="Somebody is publishing it and does not come to an end; try again.",
                    table=table,
                )
            time.sleep(_CLOSED_WAIT_S)
