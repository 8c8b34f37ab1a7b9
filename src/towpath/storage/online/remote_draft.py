"""A generation in the making, in Redis keys of its own that no reader asks for."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from towpath.storage.online import scripts
from towpath.storage.online.answers import first_refusal
from towpath.storage.online.contract import Head
from towpath.storage.online.failures import overtaken
from towpath.storage.online.keyspace import ROWS_PER_CALL, encoded, pieces_of, redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from towpath.storage.online.contract import Row
    from towpath.storage.online.keyspace import Keyspace
    from towpath.storage.online.wire import Stream

_BEGIN: Final = encoded(b"MULTI")
_ANSWERS: Final = 4
"""Of a transaction that writes rows: to MULTI, to the two commands that it queues, and to EXEC."""


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
        key = keyspace.key(table, f"draft:{token}").encode()
        self._key = b"$4\r\nHSET\r\n$%d\r\n%b\r\n" % (len(key), key)
        written = keyspace.call(scripts.WRITTEN, table, token.encode())
        self._tail = written + encoded(b"EXEC")

    def write(self, rows: Sequence[Row]) -> None:
        """See `Draft.write`. The server takes pieces in while the next ones are encoded."""
        if self._done or not rows:
            self._require(self._run(scripts.WRITTEN))
            return
        with redis_errors():
            for piece in pieces_of(rows):
                self._stream.send(self._encode(piece), _ANSWERS)
            self._settle()

    def publish(self, body: bytes, *, keep: Callable[[bytes, bytes], bool] | None = None) -> Head:
        """See `Draft.publish`."""
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
        answers = self._stream.settle()
        for written in answers[_ANSWERS - 1 :: _ANSWERS]:
            refusal = first_refusal(written)
            if refusal is not None:
                raise refusal
            self._require(written[-1])

    def _encode(self, piece: Sequence[Row]) -> bytes:
        """Return the transaction that writes rows, as the protocol has it."""
        rows = [
            b"$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(key), key, len(value), value)
            for key, value in piece
        ]
        count = b"*%d\r\n" % (2 + 2 * len(piece))
        return b"".join((_BEGIN, count, self._key, *rows, self._tail))

    def _carry(self, piece: Sequence[Row]) -> None:
        self._require(self._run(scripts.CARRY, scripts.CLOSED_MS, *chain.from_iterable(piece)))

    def _run(self, script: str, *said: str | bytes | int) -> int:
        return self._keyspace.run(script, self._table, self._token, *said)

    def _require(self, *answers: int) -> None:
        if not all(answers):
            raise overtaken(self._table)
