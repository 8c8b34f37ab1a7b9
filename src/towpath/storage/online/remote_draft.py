"""A generation in the making, in Redis keys of its own that no reader asks for."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from towpath.storage.online import scripts
from towpath.storage.online.contract import Head
from towpath.storage.online.failures import overtaken
from towpath.storage.online.keyspace import ROWS_PER_CALL, pieces_of, redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from towpath.storage.online.contract import Row
    from towpath.storage.online.keyspace import Keyspace
    from towpath.storage.online.wire import Stream


class RedisDraft:
    """See `Draft`.

    To publish, the table is closed to what is put, which waits; what was put before is carried over in
    pieces; then hashes change names in one script. Readers notice nothing of it. If whoever publishes
    dies, the table opens again by itself.
    """

    def __init__(self, keyspace: Keyspace, stream: Stream, table: str, token: str) -> None:
        self._keyspace = keyspace
        self._stream = stream
        self._table = table
        self._token = token
        self._done = False
        self._words = 0
        self._head = b""

    def write(self, rows: Sequence[Row]) -> None:
        """See `Draft.write`. The server takes these rows in while the next ones are being made."""
        with redis_errors():
            self._settle()
            for piece in pieces_of(rows):
                self._stream.send(self._encode(piece), 1)

    def publish(self, body: bytes, *, keep: Callable[[bytes, bytes], bool] | None = None) -> Head:
        """See `Draft.publish`."""
        with redis_errors():
            self._settle()
        self._stream.close()
        self._require(self._run(scripts.CLOSE, scripts.CLOSED_MS))
        piece: list[Row] = []
        with redis_errors():
            carried = self._keyspace.key(self._table, "carried")
            for row in self._keyspace.client.hscan_iter(carried, count=ROWS_PER_CALL):
                if keep is None or keep(*row):
                    piece.append(row)
                if len(piece) >= ROWS_PER_CALL:
                    self._carry(piece)
                    piece = []
            self._carry(piece)
            self._keyspace.client.sadd(self._keyspace.index, self._table)
        self._require(self._run(scripts.PUBLISH, body))
        self._done = True
        return Head(generation=self._token, body=body)

    def discard(self) -> None:
        """See `Draft.discard`."""
        self._stream.close()
        if not self._done:
            self._run(scripts.DISCARD)
            self._done = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def _settle(self) -> None:
        """Wait until the server has taken in what was written."""
        if self._done:
            raise overtaken(self._table)
        if not self._head:  # an empty call, which also tells whether the draft is still this one
            self._words, self._head = self._keyspace.call(
                scripts.WRITE, self._table, self._token.encode()
            )
            self._stream.send(self._encode(()), 1)
        self._require(*self._stream.settle())

    def _encode(self, piece: Sequence[Row]) -> bytes:
        """Return the command that writes rows, as the protocol has it."""
        rows = [
            b"$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(key), key, len(value), value)
            for key, value in piece
        ]
        return b"*%d\r\n%b%b" % (self._words + 2 * len(piece), self._head, b"".join(rows))

    def _carry(self, piece: Sequence[Row]) -> None:
        self._require(self._run(scripts.CARRY, scripts.CLOSED_MS, *chain.from_iterable(piece)))

    def _run(self, script: str, *said: str | bytes | int) -> int:
        return self._keyspace.run(script, self._table, self._token, *said)

    def _require(self, *answers: int) -> None:
        if not all(answers):
            raise overtaken(self._table)
