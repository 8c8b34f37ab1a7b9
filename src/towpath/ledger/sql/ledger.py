"""The ledger over a database: transactions and their facets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from towpath.core.clock import SystemClock
from towpath.ledger.sql.account import SqlAccount
from towpath.ledger.sql.cache import SqlCache
from towpath.ledger.sql.events import SqlEvents
from towpath.ledger.sql.graph import SqlGraph
from towpath.ledger.sql.intents import SqlIntents
from towpath.ledger.sql.line import SqlLine
from towpath.ledger.sql.logs import SqlLogs
from towpath.ledger.sql.runs import SqlRuns
from towpath.ledger.sql.segments import SqlSegments
from towpath.ledger.sql.session import Session
from towpath.ledger.sql.versions import SqlVersions
from towpath.ledger.sql.withdrawals import SqlWithdrawals

if TYPE_CHECKING:
    from collections.abc import Generator

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.storage.database import CommitWatch, Database
    from towpath.storage.keys import Keyring


class SqlTransaction:
    """See `Transaction`."""

    def __init__(self, session: Session) -> None:
        self.events = SqlEvents(session)
        self.graph = SqlGraph(session, self.events)
        self.versions = SqlVersions(session, self.events, self.graph)
        self.runs = SqlRuns(session, self.events)
        self.intents = SqlIntents(session, self.events)
        self.cache = SqlCache(session, self.events)
        self.segments = SqlSegments(session, self.events)
        self.logs = SqlLogs(session)
        self.account = SqlAccount(session, self.events)
        self.line = SqlLine(session)
        self.withdrawals = SqlWithdrawals(session, self.events)


class SqlLedger:
    """See `Ledger`."""

    def __init__(self, database: Database, keyring: Keyring, *, wall: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._wall = wall

    @contextmanager
    def write(self, *, actor: str = "towpath") -> Generator[SqlTransaction]:
        """See `Ledger.write`."""
        with self._database.write() as connection:
            session = Session(
                connection, actor=actor, writable=True, wall=self._wall, keyring=self._keyring
            )
            transaction = SqlTransaction(session)
            try:
                yield transaction
                transaction.events.flush()
            finally:
                session.close()

    @contextmanager
    def read(self) -> Generator[SqlTransaction]:
        """See `Ledger.read`."""
        with self._database.read() as connection:
            session = Session(
                connection, actor="", writable=False, wall=self._wall, keyring=self._keyring
            )
            try:
                yield SqlTransaction(session)
            finally:
                session.close()

    def watch(self) -> CommitWatch:
        """See `Ledger.watch`."""
        return self._database.watch()

    def close(self) -> None:
        """See `Ledger.close`."""
        self._database.close()


def open_ledger(database: Database, keyring: Keyring, *, wall: Clock | None = None) -> Ledger:
    """Open the ledger in a migrated database.

    Args:
        database: Where its rows are.
        keyring: What signs its checkpoints.
        wall: Wall time, for leases and recorded-at; the operating system's if None.

    Raises:
        UsageError: The schema is older or newer than this program; see `Database.migrate`.
    """
    database.require_current()
    return SqlLedger(database, keyring, wall=wall or SystemClock())
