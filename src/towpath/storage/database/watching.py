"""Whether anything was committed since one looked last: a question that costs a look at a counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from towpath.storage.database.faults import translated

if TYPE_CHECKING:
    import sqlalchemy as sa

# Both name the state that a reader would see. SQLite counts, for each connection, the commits of all others
# (https://www.sqlite.org/pragma.html#pragma_data_version). PostgreSQL's snapshot lists which transactions a
# reader sees (https://www.postgresql.org/docs/current/functions-info.html). No commit leaves it as it was; it
# changes with others' beginnings as well, and with writers to other databases of the same server, which costs a
# look too many now and then.
_MARK: Final = {
    "sqlite": "PRAGMA data_version",
    "postgresql": "SELECT pg_current_snapshot()::text",
}


class CommitWatch:
    """Says whether a database changed, on a connection of its own. For one thread.

    A poll that finds nothing new is nearly all of what a follower does while nothing happens; this spares
    it the transaction and its queries: some 60 µs instead of a millisecond.
    """

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._query = _MARK[engine.dialect.name]
        if engine.dialect.name == "postgresql":  # one round trip, and no transaction left open
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._engine = engine
        self._name = name
        self._connection: sa.Connection | None = None
        self._seen: object = None

    def has_changed(self) -> bool:
        """Tell whether anybody committed since the last call; True as well when that can't be known.

        What is committed while it is called is seen by this call or the next: who is told of a change and
        reads after that has read it.

        Raises:
            Unavailable: The database does not answer.
        """
        try:
            with translated(self._name):
                if self._connection is None:
                    self._connection = self._engine.connect()
                with self._connection.begin():
                    mark = self._connection.exec_driver_sql(self._query).scalar()
        except BaseException:
            self.close()
            raise
        before, self._seen = self._seen, mark
        return mark != before

    def close(self) -> None:
        """Give the connection back; the next look begins anew. Idempotent."""
        connection, self._connection = self._connection, None
        self._seen = None
        if connection is not None:
            connection.invalidate()
            connection.close()
