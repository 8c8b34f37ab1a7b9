"""What an online store promises: the newest row of every key, table by table, in generations.

A store knows nothing of features. It keeps byte strings under byte strings, and compares rows by one
thing only: their *stamp*, the first `STAMP_BYTES` bytes of the value, which order as unsigned bytes.

    table ──► generation in force ──► body (what the rows mean)
                                  ──► rows: key → stamp + payload
                                  ──► which of them were *put* and not *drafted*
          ──► draft, invisible until it is published in its place
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

STAMP_BYTES: Final = 16
"""How much of a value says how new it is."""

KEY_BYTES_MOST: Final = 500
"""The longest key; LMDB, as it is commonly built, takes 511 bytes."""

Row: TypeAlias = "tuple[bytes, bytes]"
"""A key (1 to `KEY_BYTES_MOST` bytes) and its value (`STAMP_BYTES` and more)."""

Wanted: TypeAlias = "Sequence[tuple[str, Sequence[bytes]]]"
"""Tables, and the keys to look up in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known of a table beside its rows.

    Attributes:
        generation: Names the generation in force; no two generations ever share a name.
        body: What the last `publish` or `update` said about the rows; the caller's own encoding.
    """

    generation: str
    body: bytes


class Found(msgspec.Struct, frozen=True):
    """What one table answered to one look-up.

    Attributes:
        generation: Names where the values come from, so that a reader knows when to look at the head
            again; None: the table does not exist, and every value is None.
        values: The row of each key, in order; None where there is none.
    """

    generation: str | None
    values: Sequence[bytes | None]


class Draft(Protocol):
    """A generation that is being written: invisible until it is published whole.

    Not thread-safe. A draft that its process did not publish (it was killed) is swept by the next
    `begin`; one that was overtaken (another `begin`, an `update`, a `drop`) is gone, and its next
    `write` or `publish` raises `Conflict`.
    """

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows. Each key at most once in a draft; ascending keys are the cheapest.

        Memory is that of `rows`; call it in pieces of some ten thousand.

        Raises:
            Conflict: The draft was overtaken.
            Unavailable: The store does not answer; what was written is not known. Discard the draft.
        """
        ...

    def publish(self, body: bytes, *, keep: Callable[[bytes, bytes], bool] | None = None) -> Head:
        """Put the draft in force, in one step: a reader sees the old rows or the new ones.

        Rows that were `put` since they were last drafted are carried over first, unless the draft
        holds one of the key that is as new: so nothing that is pushed while a draft is written, or
        before, is lost. Then the old generation is deleted, with every byte of it, as soon as reads
        under way are done with it.

        Args:
            body: What the rows mean.
            keep: Tells which of the rows that were put are carried over, by key and value; None for
                all. What is not kept is gone for good.

        Raises:
            Conflict: The draft was overtaken; nothing changed.
        """
        ...

    def discard(self) -> None:
        """Delete the draft. Idempotent, and harmless after `publish`."""
        ...

    def __enter__(self) -> Self:
        """Return itself; leaving the block discards what was not published."""
        ...

    def __exit__(self, *_: object) -> None: ...


class LoopReads(Protocol):
    """Look-ups from one event loop, any number of them at a time. Not thread-safe.

    What `OnlineStore.read` answers, without the thread that a caller who may not wait would have to
    ask through: waking one costs more than the look-up. A task that is cancelled leaves no answer
    behind that another could take for its own.
    """

    async def read(self, wanted: Wanted) -> list[Found]:
        """Look keys up as `OnlineStore.read` does; the loop goes on while a network is waited for.

        Files of this machine are read at once, so ask for some hundreds of keys at most.

        Raises:
            Unavailable: As `OnlineStore` says; also once this is closed.
        """
        ...

    async def aclose(self) -> None:
        """Give the connection back; look-ups under way fail. Idempotent."""
        ...


class OnlineStore(Protocol):
    """Tables of packed rows, looked up by key in microseconds. Thread-safe and process-safe.

    Readers never wait for writers, and see one generation of a table in each look-up. Writers of a
    table stand in line, but a draft is written beside the line: only its publication stands in it.
    Table names obey `core.refs.check_name`. What was acknowledged is durable, as far as the store is:
    LMDB syncs before it returns; Redis as its own persistence is set up.

    A store that can't be reached raises `Unavailable`, a full one `StorageFull`; damaged bytes raise
    `IntegrityError`. Nothing else escapes.

    How a subject's rows leave: a table is drafted again without them and published, with a `keep` that
    refuses them (or dropped). Nothing of the old generation stays in the files of an embedded store:
    the new one is written from nothing. A server's own snapshots, logs and replicas keep old pages
    until they are next rewritten; that is its administrator's to see to.
    """

    def read(self, wanted: Wanted) -> list[Found]:
        """Look keys up in one or several tables; one answer each, in order.

        One round trip. Each table answers from one generation at one moment; two tables may answer
        from different moments.
        """
        ...

    def in_loop(self) -> LoopReads:
        """Return look-ups for the running event loop; close them before the loop ends, or the store."""
        ...

    def head(self, table: str) -> Head | None:
        """Return what is in force; None for a table that does not exist."""
        ...

    def tables(self) -> list[str]:
        """Return the names of the tables in force, sorted."""
        ...

    def count(self, table: str) -> int:
        """Return how many keys have a row now; 0 for a table that does not exist."""
        ...

    def begin(self, table: str) -> Draft:
        """Begin a new generation of a table, which need not exist. Overtakes another draft of it."""
        ...

    def update(
        self,
        table: str,
        rows: Sequence[Row],
        *,
        generation: str,
        body: bytes | None = None,
    ) -> int:
        """Bring newer rows into the generation in force, and return how many were.

        A row replaces one whose stamp is not larger, unless it is the same. A large update comes in several calls, the body in
        the last of them: it changes after the rows do, so a kill in between leaves newer rows under
        the older body, and the same calls again are harmless. Overtakes a draft of the table.

        Args:
            table: The table.
            rows: Each key at most once.
            generation: The generation that the caller believes is in force.
            body: What the rows mean from now on; None leaves it as it is.

        Raises:
            Conflict: Another generation is in force.
        """
        ...

    def put(self, table: str, rows: Sequence[Row], *, generation: str | None = None) -> int:
        """Add rows that come from outside of any draft; return how many were newer than what is there.

        A row replaces one whose stamp is not larger, unless it is the same; a later one in `rows`
        counts as newer. What is
        taken in is carried over into later generations until one of them holds a row as new. Atomic
        per row; in order.

        Args:
            table: The table.
            rows: The rows.
            generation: The generation that must be in force, where what the caller knew of it decides
                whether the rows may go in; None for any.

        Raises:
            NotFound: The table does not exist.
            Conflict: Another generation is in force; some of the rows may have gone into the one
                before, and be carried over or refused by its `keep`.
        """
        ...

    def carried(self, table: str) -> Iterator[Row]:
        """Yield the rows that were put and would be carried over now, in no particular order."""
        ...

    def drafts(self) -> list[str]:
        """Return the names of the tables of which a draft was begun and not published, sorted."""
        ...

    def walk(self) -> Iterator[tuple[str, Row]]:
        """Yield every row that is stored, whatever for, with its table; some come twice.

        For whoever proves what is not there: rows in force, those carried, and those of drafts, also
        of drafts that nobody living works on.
        """
        ...

    def drop(self, table: str) -> bool:
        """Delete a table, its draft included. Return False where it did not exist."""
        ...

    def close(self) -> None:
        """Give files and connections back. Idempotent."""
        ...


__all__ = [
    "KEY_BYTES_MOST",
    "STAMP_BYTES",
    "Draft",
    "Found",
    "Head",
    "LoopReads",
    "OnlineStore",
    "Row",
    "Wanted",
]
