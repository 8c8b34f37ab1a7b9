"""What the ledger promises: facts and their events in one transaction, over one graph.

`ledger.write()` opens a transaction; its facets (`versions`, `runs`, `graph`, …) each write their
fact *and* append its event to the log. Leaving the block commits both; an exception rolls both back.
`ledger.read()` opens a consistent snapshot, in which writing raises `UsageError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from towpath.ledger.logs import Logs
    from towpath.ledger.provenance import Graph, Runs, Versions
    from towpath.ledger.records import Checkpoint, Event, Segment
    from towpath.ledger.spending import Account, Line
    from towpath.ledger.withdrawals import Withdrawals
    from towpath.ledger.work import Cache, Intents
    from towpath.storage.database import CommitWatch


StoredEntry: TypeAlias = tuple[int, int, str, str, str, str, bytes]
"""A row of the log: seq, at (microseconds since 1970), type, subject, actor, payload (JSON), leaf."""


class Ledger(Protocol):
    """The append-only record and the graph in it. Thread-safe and process-safe.

    Writers are serialised by the log's head, so events have a gap-free order that is their commit
    order. A write that loses a race the database can see is retried inside; what the caller must
    decide about (a version number taken, a lease lost) is raised as `Conflict` or `FenceLost`.
    A database that is away raises `Unavailable`, a full disk `StorageFull`; the transaction then left
    no trace. `write()` blocks don't nest, must be short, and must not wait on anything else.
    """

    def write(self, *, actor: str = "towpath") -> AbstractContextManager[Transaction]:
        """Open a read-write transaction; events carry `actor`."""
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a read-only snapshot."""
        ...

    def watch(self) -> CommitWatch:
        """Return what tells whether anything was committed: for who polls, and mostly finds nothing new."""
        ...

    def close(self) -> None:
        """Give connections back. Idempotent."""
        ...


class Transaction(Protocol):
    """One transaction's view of the ledger, by facet. Not thread-safe; valid inside its block.

    Lists have a `limit`, which is 1,000 rows where nothing is said; None is none.
    """

    @property
    def versions(self) -> Versions:
        """Assets and their versions."""
        ...

    @property
    def runs(self) -> Runs:
        """Executions."""
        ...

    @property
    def graph(self) -> Graph:
        """Who depends on what."""
        ...

    @property
    def events(self) -> Events:
        """The log."""
        ...

    @property
    def intents(self) -> Intents:
        """Desired state and leases."""
        ...

    @property
    def cache(self) -> Cache:
        """The step cache."""
        ...

    @property
    def segments(self) -> Segments:
        """The files of streams."""
        ...

    @property
    def logs(self) -> Logs:
        """What running steps print."""
        ...

    @property
    def account(self) -> Account:
        """Prices, budgets and money."""
        ...

    @property
    def line(self) -> Line:
        """Attempts that wait or run."""
        ...

    @property
    def withdrawals(self) -> Withdrawals:
        """Who has withdrawn."""
        ...


class Events(Protocol):
    """The append-only log: an RFC 9162 Merkle tree over canonical JSON entries."""

    def append(self, type: str, subject: str, /, **payload: object) -> Event:
        """Add an entry for a fact that no other facet records. Never put personal data in it."""
        ...

    def read(
        self,
        *,
        after: int = -1,
        limit: int | None = 1000,
        types: Sequence[str] | None = None,
        subject: str | None = None,
        newest_first: bool = False,
    ) -> list[Event]:
        """Return entries with `seq` above `after` (below it when `newest_first` and not -1)."""
        ...

    def size(self) -> int:
        """Return the number of entries."""
        ...

    def root(self, size: int | None = None) -> str:
        """Return the Merkle tree hash of the first `size` entries, in hexadecimal."""
        ...

    def inclusion(self, seq: int, size: int | None = None) -> list[str]:
        """Return the audit path of entry `seq` in the tree of `size` (RFC 9162, section 2.1.3)."""
        ...

    def consistency(self, old_size: int, new_size: int | None = None) -> list[str]:
        """Return the proof that the older tree is a prefix of the newer (section 2.1.4)."""
        ...

    def checkpoint(self) -> Checkpoint:
        """Sign and store the current size and root; the stored one if nothing was added since.

        A log that was never signed gets an entry first that introduces the key. Event: `key.introduced`.

        Raises:
            IntegrityError: The keyring's key is not the one that the log names; see `signers`.
        """
        ...

    def checkpoints(self, limit: int | None = 100) -> list[Checkpoint]:
        """Return stored checkpoints, newest first."""
        ...

    def stored(
        self, first: int, end: int | None = None, *, most: int | None = None
    ) -> list[StoredEntry]:
        """Return what lies in the rows of [first, end), undecoded: for whoever checks them.

        Args:
            first: May be below zero, where no row ought to be.
            end: None for whatever lies behind, part of the log or not.
            most: How many rows at most; all if None.
        """
        ...

    def nodes(self, level: int, first: int, end: int) -> dict[int, bytes]:
        """Return the tree's stored nodes of a level by position in [first, end): likewise."""
        ...

    def peaks(self, size: int | None = None) -> list[bytes]:
        """Return the complete subtrees' hashes, largest first: those the head keeps if None, else
        those of the first `size` entries, from the stored nodes.
        """
        ...


class Segments(Protocol):
    """The files of high-volume streams, so that no decision is a row here."""

    def add(self, segments: Iterable[Segment], *, retire: Iterable[str] = ()) -> None:
        """List new files and drop the digests in `retire`, in one step. Event: `segments.changed`."""
        ...

    def list(
        self,
        stream: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        record_id: str | None = None,
    ) -> list[Segment]:
        """Return files that overlap [since, until) or may hold `record_id`, ordered by `since`."""
        ...
