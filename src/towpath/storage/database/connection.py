"""How a database is opened: SQLite in WAL mode, or PostgreSQL through psycopg 3."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from towpath.core.errors import InvalidSetting, Unavailable, UsageError
from towpath.storage.database import tables
from towpath.storage.database.faults import translated
from towpath.storage.database.schema import migrate, require_current
from towpath.storage.database.scrubbing import scrub_postgresql, scrub_sqlite
from towpath.storage.database.watching import CommitWatch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_LOCK_TIMEOUT_S = 30.0
_POOL: dict[str, Any] = {
    "pool_size": 8,
    "max_overflow": 24,
    # The one used last is warm: PostgreSQL's plans of prepared statements and SQLite's pages are its own.
    "pool_use_lifo": True,
    # A value in the text of a driver's error would reach tracebacks and logs.
    "hide_parameters": True,
}
# A writer whose machine vanished must not hold the log's head for ever.
_POSTGRESQL_OPTIONS = (
    f"-c lock_timeout={_LOCK_TIMEOUT_S:.0f}s -c idle_in_transaction_session_timeout=300s"
)
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # NORMAL could lose the newest transactions in a power cut; see ADR 0008.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # Deleted content is overwritten, so that an erased value does not stay in free pages.
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-16384",
    f"PRAGMA busy_timeout={int(_LOCK_TIMEOUT_S * 1000)}",
)


class Database:
    """One metadata database: short write transactions in line, snapshots beside them.

    Thread-safe, and safe to use from many processes. Don't carry an instance across a fork.

    Attributes:
        name: The URL without its password, for messages.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._writers = threading.Lock()
        self._writing = threading.local()
        self.name = engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Tell whether it is an embedded file."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Generator[sa.Connection]:
        """Open the one write transaction of the moment; commits at the end, rolls back on errors.

        SQLite takes its write lock at once (`BEGIN IMMEDIATE`), PostgreSQL the lock of the log's head,
        so whatever the block reads first is the newest state and stays so until it commits.
        """
        with (
            self._in_line(),
            translated(self.name),
            self._engine.connect() as connection,
        ):
            connection.execution_options(writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(_LOCK_HEAD)
                yield connection

    @contextmanager
    def read(self) -> Generator[sa.Connection]:
        """Open a read-only snapshot: everything in the block sees one moment."""
        with translated(self.name), self._engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    def watch(self) -> CommitWatch:
        """Return what tells whether anything was committed; it takes a connection when it first looks."""
        return CommitWatch(self._engine, self.name)

    def migrate(self) -> None:
        """Bring the schema up to this program's; safe to call from many processes at once.

        Raises:
            UsageError: The database was written by a newer Towpath.
        """
        with translated(self.name):
            migrate(self._engine, self.name)

    def require_current(self) -> None:
        """Raise `UsageError` unless the schema is exactly this program's."""
        with translated(self.name):
            require_current(self._engine, self.name)

    def scrub(self) -> None:
        """Rewrite the files so that no byte of deleted or replaced rows is left in them.

        Takes as long as copying the database; writers wait.

        Raises:
            Unavailable: Readers kept old pages alive for too long; nothing is lost, retry.
        """
        with self._in_line(), translated(self.name):
            (scrub_sqlite if self.is_sqlite else scrub_postgresql)(self._engine, self.name)

    def tables(self) -> Iterator[tuple[str, Iterator[tuple[object, ...]]]]:
        """Yield each table's name and all its rows, in one snapshot, for an audit to search."""
        with self.read() as connection:
            for table in tables.metadata.sorted_tables:
                rows = connection.execute(sa.select(table), execution_options={"yield_per": 1000})
                yield table.name, (tuple(row) for row in rows)

    def close(self) -> None:
        """Give the connections back. Idempotent."""
        self._engine.dispose()

    @contextmanager
    def _in_line(self) -> Generator[None]:
        """Wait for this process's turn; the database puts the processes in line."""
        if getattr(self._writing, "now", False):
            raise UsageError(
                "this thread is inside a write transaction already",
                remedy="Write blocks don't nest: pass the open transaction on.",
            )
        # Threads queue here rather than in SQLite's busy handler, which sleeps and is not fair.
        if not self._writers.acquire(timeout=_LOCK_TIMEOUT_S):
            raise Unavailable(f"another thread's transaction holds the database {self.name}")
        self._writing.now = True
        try:
            yield
        finally:
            self._writing.now = False
            self._writers.release()


_LOCK_HEAD = sa.select(tables.log_head.c.size).with_for_update()


def open_database(url: str) -> Database:
    """Open (and on SQLite create) the database at `sqlite:///FILE` or `postgresql://…`.

    Raises:
        InvalidSetting: The URL is neither.
        Unavailable: The database does not answer.
    """
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise _unusable("it does not parse") from error
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return Database(_open_sqlite(parsed))
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        parsed = parsed.set(drivername="postgresql+psycopg")
        return Database(
            sa.create_engine(
                parsed,
                pool_pre_ping=True,
                **_POOL,
                connect_args={
                    "connect_timeout": 10,
                    "application_name": "towpath",
                    "options": _POSTGRESQL_OPTIONS,
                },
            )
        )
    raise _unusable(f"{parsed.drivername!r} is not supported")


def _unusable(why: str) -> InvalidSetting:
    return InvalidSetting(
        f"the database URL can't be used: {why}",
        remedy="Write sqlite:///path/to/file.db or postgresql://user:password@host/database.",
    )


def _open_sqlite(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise _unusable("SQLite needs a file, which several processes can share")
    path = Path(url.database).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"the folder {path.parent} can't be made: {error.strerror}") from error
    engine = sa.create_engine(
        url.set(database=str(path)),
        connect_args={"timeout": _LOCK_TIMEOUT_S, "check_same_thread": False},
        **_POOL,
    )

    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction] -- the event registry holds it
        # sqlite3 would begin transactions on its own terms; `_begin` does it on ours.
        raw.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            raw.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:  # pyright: ignore[reportUnusedFunction] -- the event registry holds it
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
