"""Look-ups as Redis takes them: one HMGET per table, whose first field names the generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.storage.online import scripts
from towpath.storage.online.contract import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.storage.online.contract import Wanted
    from towpath.storage.online.keyspace import Keyspace


class LookUps:
    """The commands that read the tables of one namespace. Thread-safe."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._heads: dict[str, bytes] = {}

    def encode(self, wanted: Wanted) -> bytes:
        """Return the commands, one per table, as the protocol writes them."""
        parts: list[bytes] = []
        before: Sequence[bytes] | None = None
        said = b""
        for table, keys in wanted:
            if keys is not before:  # tables that share an entity are asked for the same keys
                said, before = b"".join([b"$%d\r\n%b\r\n" % (len(key), key) for key in keys]), keys
            head = self._heads.get(table) or self._head(table)
            parts.append(b"*%d\r\n%b%b" % (len(keys) + 3, head, said))
        return b"".join(parts)

    def decode(self, answers: list[Any]) -> list[Found]:
        """Return what the commands answered."""
        found: list[Found] = []
        for token, *values in answers:
            found.append(Found(None if token is None else token.decode(), values))
        return found

    def _head(self, table: str) -> bytes:
        """Return all of a command but the number of its words and the keys; encoded once."""
        key = self._keyspace.key(table, "rows").encode()
        words = (b"HMGET", key, scripts.RESERVED)
        head = b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])
        self._heads[table] = head
        return head
