"""Every text that online rows hold, each by itself, for whoever proves what is not there.

In the packed rows texts lie side by side without anything between them, so that a search of the bytes
can't tell a value from the middle of a longer one.
"""

from __future__ import annotations

from struct import error as StructError  # noqa: N812 -- it is an exception
from typing import TYPE_CHECKING, TypeAlias

from towpath.assets.features.online.rows import RowCodec
from towpath.assets.features.online.table import OnlineTable, decode_table
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.storage.online import OnlineStore, Row

Unpacker: TypeAlias = "tuple[RowCodec, bool]"


class OnlineCells:
    """Reads a whole online store, row by row.

    Args:
        store: The store.
    """

    def __init__(self, store: OnlineStore) -> None:
        self._store = store
        self._unpackers: dict[str, Unpacker | None] = {}

    def rows(self) -> Iterable[tuple[str, Row]]:
        """Yield every row that is stored, whatever for, with its table."""
        self._unpackers.clear()
        return self._store.walk()

    def cells(self, table: str, row: Row) -> list[str | bytes]:
        """Return what a row holds besides numbers: texts as such, what can't be told apart as bytes.

        A row of a draft is taken for one like those in force.
        """
        if table not in self._unpackers:
            self._unpackers[table] = self._unpacker(table)
        unpacker = self._unpackers[table]
        if unpacker is None:
            return list(row)
        codec, key_is_text = unpacker
        key, value = row
        try:
            texts = [cell for cell in codec.unpack(value)[1] if isinstance(cell, str | bytes)]
            return [key[1:].decode() if key_is_text else key, *texts]
        except (StructError, ValueError, ArithmeticError):
            return list(row)

    def _unpacker(self, name: str) -> Unpacker | None:
        head = self._store.head(name)
        if head is None:
            return None
        try:
            table: OnlineTable = decode_table(head.body)
            return RowCodec(table), [kind for _, kind in table.entity] == ["string"]
        except (IntegrityError, ValueError, KeyError):
            return None
