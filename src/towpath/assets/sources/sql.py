"""A query on SQLite or PostgreSQL as a source, streamed over ADBC."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import polars as pl

from towpath.assets.sources.contract import Batch
from towpath.assets.sources.cursors import Cursor
from towpath.assets.sources.framing import frame_of, wanted_of
from towpath.assets.sources.optional import need
from towpath.assets.sources.references import expand, refuse_credentials, shown, shown_place
from towpath.core.errors import (
    InvalidProject,
    NotFound,
    SchemaViolation,
    TowpathError,
    Unavailable,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from towpath.assets.datasets import Column
    from towpath.assets.sources.contract import Reading
    from towpath.ledger.records import Json

_SQLITE, _POSTGRES = ("sqlite",), ("postgresql", "postgres")
_NAMELESS = "42"  # SQLSTATE class: syntax, and names that don't exist; such messages quote no rows
_TEXT = "'x'"
_EXAMPLES = {"int64": "0", "float64": "0.5", "bool": "0", "binary": "x'00'"}


@dataclass(frozen=True, slots=True)
class Sql:
    """Rows of a query: `Sql("postgresql://app:${PG_PASSWORD}@db/shop", "SELECT * FROM orders")`.

    The query becomes a subquery from which only the wanted columns are selected, so the database reads
    no others. With a `cursor` its rows come in that column's order, a load can carry on in the middle,
    and the next reading begins with the highest value that the last one saw: that value is read again,
    as rows that share it may have been on their way, and keys make the repetition harmless. Rows whose
    cursor is missing are read each time.

    Attributes:
        url: `sqlite:///folder/file.db` or `postgresql://user:${PASSWORD}@host/database`.
        query: A SELECT, or the bare name of a table or view.
        cursor: A column of the query that only grows: a time of change, a serial number.
        overlap: How far behind the highest cursor to begin again, for rows that were committed late:
            `10m` for times, a number for numbers.
    """

    url: str
    query: str
    cursor: str | None = field(default=None, kw_only=True)
    overlap: str | int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't be read."""
        refuse_credentials(self.url, what="a database")
        if self._dialect not in (*_SQLITE, *_POSTGRES):
            raise InvalidProject(
                f"a database can't be read at {shown(self.url)!r}",
                remedy="Write sqlite:///file.db or postgresql://user:${PASSWORD}@host/database.",
            )
        if self.overlap is not None and self.cursor is None:
            raise InvalidProject(
                "a query has an overlap and no cursor that it could reach back from",
                remedy="Add cursor=….",
            )
        Cursor.check_overlap(self.overlap)

    @property
    def kind(self) -> str:
        """See `Source.kind`."""
        return "sql"

    @property
    def incremental(self) -> bool:
        """See `Source.incremental`."""
        return self.cursor is not None

    def describe(self) -> Json:
        """See `Source.describe`."""
        return {
            "database": shown_place(self.url),
            "query": self.query,
            "cursor": self.cursor,
            "overlap": self.overlap,
        }

    def read(self, reading: Reading) -> Iterator[Batch]:
        """See `Source.read`.

        Raises:
            NotFound: The database has no such file, table or column.
        """
        cursor = None
        if self.cursor is not None:
            cursor = Cursor.after(reading.after, self.cursor, reading=reading, overlap=self.overlap)
        with self._connected(reading) as statement, _said_by(self.url):
            there = self._columns(statement)
            for rows in self._rows(statement, reading, there, cursor):
                position = None if cursor is None else cursor.through(rows)
                yield Batch(rows=rows, position=position)
        if cursor is not None:
            yield Batch(rows=pl.DataFrame(), position=cursor.position, done=1.0)

    @property
    def _dialect(self) -> str:
        return self.url.partition(":")[0]

    @property
    def _table(self) -> str:
        query = self.query.strip().rstrip(";")
        bare = query.replace(".", "").replace("_", "").isalnum()
        return query if bare else f"({query})"

    @contextmanager
    def _connected(self, reading: Reading) -> Generator[Any]:
        """Give a cursor (the driver's kind) on a connection that can't write."""
        url = expand(self.url, reading.environ)
        with ExitStack() as held, _said_by(self.url):
            if self._dialect in _SQLITE:
                driver = need("adbc_driver_sqlite.dbapi", what="SQLite")
                path = _sqlite_path(url, reading.folder)
                connection = held.enter_context(driver.connect(f"{path.as_uri()}?mode=ro"))
                options = {"adbc.sqlite.query.batch_rows": str(reading.batch_rows)}
            else:
                driver = need("adbc_driver_postgresql.dbapi", what="PostgreSQL")
                connection = held.enter_context(driver.connect(url))
                options = {}
            statement = held.enter_context(connection.cursor())
            if options:
                statement.adbc_statement.set_options(**options)
            else:
                statement.execute("SET TRANSACTION READ ONLY")
            yield statement

    def _columns(self, statement: Any) -> list[str]:
        """Ask what columns the query has."""
        statement.execute(f"SELECT * FROM {self._table} AS source LIMIT 0")  # noqa: S608 -- the project's own query
        with statement.fetch_record_batch() as reader:
            return list(reader.schema.names)

    def _rows(
        self, statement: Any, reading: Reading, there: Sequence[str], cursor: Cursor | None
    ) -> Iterator[pl.DataFrame]:
        names = wanted_of(reading.columns, there)
        if cursor is not None:
            if cursor.column not in there:
                raise NotFound.named("column", cursor.column, there)
            names = list(dict.fromkeys([*names, cursor.column]))
        selected = ", ".join(f"source.{_quoted(name)}" for name in names) or "1"
        query = f"SELECT {selected} FROM {self._table} AS source"  # noqa: S608 -- likewise
        if cursor is not None:
            column = f"source.{_quoted(cursor.column)}"
            if cursor.since is not None:
                since = _literal(cursor.since, self._dialect)
                query += f" WHERE {column} >= {since} OR {column} IS NULL"
            query += f" ORDER BY {column}"
        skipped = 0
        if self._dialect in _SQLITE:
            # SQLite has no types, and the driver guesses them from the first rows: this one tells it.
            limited = f"{query} LIMIT -1" if cursor is not None else query
            example = ", ".join(self._example(name, reading.columns) for name in names) or "1"
            query, skipped = f"SELECT {example} UNION ALL SELECT * FROM ({limited})", 1  # noqa: S608
        statement.execute(query)
        with statement.fetch_record_batch() as reader:
            for batch in reader:
                rows = frame_of(batch)[skipped:]
                skipped = 0
                yield from rows.iter_slices(reading.batch_rows)

    def _example(self, name: str, columns: Sequence[Column]) -> str:
        """Return a value of a column's type, as SQL."""
        kind = next((column.type for column in columns if column.name == name), None)
        if kind is not None:
            return f"{_EXAMPLES.get(kind, _TEXT)} AS {_quoted(name)}"
        column = f"source.{_quoted(name)}"
        some = f"FROM {self._table} AS source WHERE {column} IS NOT NULL LIMIT 1"
        return f"(SELECT {column} {some}) AS {_quoted(name)}"


def _sqlite_path(url: str, folder: Path) -> Path:
    path = (folder / unquote(urlsplit(url).path.removeprefix("/"))).resolve()
    if not path.is_file():
        raise NotFound(f"there is no database {str(path)!r}", path=str(path))
    return path


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object, dialect: str) -> str:
    """Write a cursor's value as SQL. Bound values would cost PostgreSQL its streamed answer."""
    match value:
        case bool() | int() | float():
            return repr(value)
        case datetime() if dialect in _POSTGRES:
            kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
            return f"{kind} '{value.isoformat()}'"
        case date() if dialect in _POSTGRES:
            return f"DATE '{value.isoformat()}'"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


@contextmanager
def _said_by(url: str) -> Generator[None]:
    """Raise what a driver says as an error of ours, without the rows that it may quote."""
    try:
        yield
    except TowpathError:
        raise
    except Exception as error:
        if not _is_drivers(error):
            raise
        raise _translated(shown(url), error) from error


def _is_drivers(error: Exception) -> bool:
    """Tell a driver's errors, which Arrow passes on as its own, from mistakes of ours."""
    return type(error).__module__.startswith(("adbc_driver_manager", "pyarrow")) or isinstance(
        error, OSError
    )


def _translated(database: str, error: Exception) -> TowpathError:
    text = str(error)
    state = getattr(error, "sqlstate", None) or ""
    first = text.partition("\n")[0].rpartition("ERROR:")[2].strip()
    if state.startswith(_NAMELESS) or "no such" in text or "syntax error" in text:
        return UsageError(
            f"{database} does not understand the query: {first.removeprefix('INVALID_ARGUMENT: ')}",
            remedy="Try it in the database's own shell.",
        )
    if "Type mismatch" in text:  # of SQLite's column, by its place
        return SchemaViolation(
            f"a column of {database} holds values of several types",
            remedy="CAST it in the query.",
        )
    if state.startswith(("22", "23")):
        return SchemaViolation(
            f"{database} could not compute the query (SQLSTATE {state})",
            remedy="Try it in the database's own shell.",
        )
    return Unavailable(
        f"{database} does not answer as it should" + (f" (SQLSTATE {state})" if state else ""),
        remedy="Check that it runs, and the user, password and address that the source names.",
    )
