"""What the facets of one transaction share: the connection, the moment, and who may write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import sqlalchemy as sa

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.core.clock import Clock
    from towpath.storage.keys import Keyring

Query: TypeAlias = sa.Select[*tuple[Any, ...]]
Compound: TypeAlias = sa.CompoundSelect[*tuple[Any, ...]]
Record: TypeAlias = sa.Row[*tuple[Any, ...]]

_T = TypeVar("_T")
# Both databases limit the variables of one statement (SQLite 32,766; PostgreSQL 65,535).
_CHUNK = 5000


class Session:
    """One open transaction.

    Attributes:
        actor: Who its events are by.
        wall: Wall time, for leases and recorded-at.
        keyring: What signs checkpoints.
    """

    def __init__(
        self,
        connection: sa.Connection,
        *,
        actor: str,
        writable: bool,
        wall: Clock,
        keyring: Keyring,
    ) -> None:
        self._connection: sa.Connection | None = connection
        self._writable = writable
        self.actor = actor
        self.wall = wall
        self.keyring = keyring

    @property
    def connection(self) -> sa.Connection:
        """The connection, for as long as the block is open."""
        if self._connection is None:
            raise UsageError(
                "this transaction is over", remedy="Use it inside its `with` block only."
            )
        return self._connection

    @property
    def dialect(self) -> str:
        """The database's name in SQLAlchemy."""
        return self.connection.dialect.name

    def close(self) -> None:
        """End the use of this session."""
        self._connection = None

    def write(
        self, statement: sa.Executable, rows: Sequence[Mapping[str, object]] | None = None
    ) -> sa.CursorResult[Any]:
        """Execute a changing statement, once or for many rows. Raises `UsageError` in a snapshot."""
        self.require_writable()
        if rows is None:
            return self.connection.execute(statement)  # pyright: ignore[reportReturnType] -- DML gives a CursorResult
        return self.connection.execute(statement, rows)  # pyright: ignore[reportReturnType] -- likewise

    def insert_rows(
        self, table: sa.Table, names: Sequence[str], rows: Sequence[tuple[object, ...]]
    ) -> None:
        """Insert many rows of plain values: text and whole numbers, as the database keeps them.

        They go to the driver as they are. A statement of SQLAlchemy makes a dictionary of each row and
        looks at each value's type, which costs several times what the database takes.
        """
        self.require_writable()
        if not rows:
            return
        quote = self.connection.dialect.identifier_preparer.quote
        columns = ", ".join(quote(name) for name in names)
        marks = ", ".join(["?" if self.dialect == "sqlite" else "%s"] * len(names))
        into = f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})"  # noqa: S608  names of our own tables
        self.connection.exec_driver_sql(into, list(rows))

    def require_writable(self) -> None:
        """Refuse to go on in a read-only snapshot."""
        if not self._writable:
            raise UsageError(
                "this transaction is a read-only snapshot", remedy="Open `ledger.write()` to write."
            )

    def rows(self, statement: Query | Compound, **values: object) -> Sequence[Record]:
        """Execute a query, with the values it leaves open, and return all its rows."""
        return self.connection.execute(statement, values).all()

    def mappings(self, statement: Query, **values: object) -> list[dict[str, Any]]:
        """Execute a query, with the values it leaves open, and return its rows by column name."""
        return [dict(row) for row in self.connection.execute(statement, values).mappings()]

    def first(self, statement: Query, **values: object) -> Record | None:
        """Execute a query, with the values it leaves open, and return its first row."""
        return self.connection.execute(statement, values).first()


def chunked(values: Sequence[_T]) -> list[Sequence[_T]]:
    """Cut a long list of values into pieces that one statement can hold."""
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]
