"""Queries: streamed, typed without guessing, read in increments, and their errors without rows."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
import pytest

from towpath.assets.datasets import Column
from towpath.assets.sources import Fitting, Reading, Sql
from towpath.core.errors import (
    InvalidName,
    InvalidProject,
    NotFound,
    SchemaViolation,
    Unavailable,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS = (
    Column(name="id", type="int64"),
    Column(name="name", type="string", nullable=True),
    Column(name="weight", type="float64", nullable=True),
)


def read(source: Sql, folder: Path, columns: Any = COLUMNS, **options: Any) -> pl.DataFrame:
    fitting = Fitting(columns=columns)
    reading = Reading(columns=columns, folder=folder, **options)
    parts = [fitting.fit(one) for one in source.read(reading) if one.rows.height]
    return (
        pl.concat(parts) if parts else pl.DataFrame(schema={c.name: c.polars_type for c in columns})
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def run(*statements: str) -> Path:
        connection = sqlite3.connect(tmp_path / "x.db")
        with connection:
            for one in statements:
                connection.execute(one)
        connection.close()
        return tmp_path

    return run


def test_types_do_not_hang_on_the_first_rows(write: Callable[..., Path]):
    """A driver that guesses from a thousand nulls would take the column for whole numbers."""
    folder = write(
        "CREATE TABLE t (id INTEGER, name TEXT, weight)",
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "INSERT INTO t SELECT i, NULL, NULL FROM n",
        "INSERT INTO t VALUES (3000, 'a', 2.5), (3001, NULL, 3)",
    )
    rows = read(Sql("sqlite:///x.db", "t"), folder, batch_rows=100)
    assert rows.height == 2003
    assert rows.tail(2).rows() == [(3000, "a", 2.5), (3001, None, 3.0)]


def test_a_column_of_several_types_is_refused(write: Callable[..., Path]):
    folder = write(
        "CREATE TABLE t (id, name, weight)",
        "INSERT INTO t VALUES (1, 'a', 1.5), (2, 'a', 1.5), (3, 'a', 'secret')",
    )
    for rows_at_once, said in ((100, "not a number in 1 of 3 rows"), (2, "several types")):
        with pytest.raises(SchemaViolation, match=said) as caught:
            read(Sql("sqlite:///x.db", "t"), folder, batch_rows=rows_at_once)
        assert "secret" not in str(caught.value)


def test_a_name_that_is_no_column_is_not_taken_for_text(write: Callable[..., Path]):
    """SQLite takes "name" in double quotes for a text where there is no such column."""
    folder = write("CREATE TABLE t (id INTEGER, weight REAL)", "INSERT INTO t VALUES (1, 1.5)")
    assert read(Sql("sqlite:///x.db", "t"), folder).rows() == [(1, None, 1.5)]
    with pytest.raises(NotFound, match="column 'at'"):
        read(Sql("sqlite:///x.db", "t", cursor="at"), folder)


def test_a_query_can_not_write(write: Callable[..., Path]):
    folder = write("CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (1)")
    with pytest.raises(UsageError):
        read(Sql("sqlite:///x.db", "DELETE FROM t"), folder)
    assert read(Sql("sqlite:///x.db", "SELECT id FROM t;"), folder).height == 1


@pytest.mark.parametrize("query", ["t", "main.t", "SELECT * FROM t", " SELECT * FROM t ; "])
def test_a_table_or_a_query(write: Callable[..., Path], query: str):
    folder = write("CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (1)")
    assert read(Sql("sqlite:///x.db", query), folder).height == 1


def test_a_cursor_need_not_be_a_column_that_is_wanted(write: Callable[..., Path]):
    folder = write(
        "CREATE TABLE t (id INTEGER, changed TEXT)",
        "INSERT INTO t VALUES (1, '2024-01-02'), (2, '2024-01-01'), (3, NULL)",
    )
    source = Sql("sqlite:///x.db", "t", cursor="changed")
    batches = list(source.read(Reading(columns=COLUMNS, folder=folder)))
    assert batches[-1].position == {"type": "plain", "value": "2024-01-02"}
    write("INSERT INTO t VALUES (4, '2024-01-03'), (5, '2024-01-01')")
    again = read(source, folder, after=batches[-1].position)
    assert sorted(again["id"]) == [1, 3, 4], "as late as it stands, and what has no value"


def test_what_was_committed_late_is_reached_back_for(write: Callable[..., Path]):
    folder = write("CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (10), (20)")
    source = Sql("sqlite:///x.db", "t", cursor="id", overlap=5)
    *_, last = source.read(Reading(columns=COLUMNS[:1], folder=folder))
    write("INSERT INTO t VALUES (14), (16), (21)")
    assert sorted(read(source, folder, COLUMNS[:1], after=last.position)["id"]) == [16, 20, 21]


def test_a_span_does_not_fit_numbers(write: Callable[..., Path]):
    folder = write("CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (10)")
    source = Sql("sqlite:///x.db", "t", cursor="id", overlap="5m")
    *_, last = source.read(Reading(columns=COLUMNS[:1], folder=folder))
    with pytest.raises(UsageError, match="can't reach back by '5m'"):
        read(source, folder, COLUMNS[:1], after=last.position)


def test_a_personal_cursor_is_refused_before_anything_is_kept(write: Callable[..., Path]):
    folder = write("CREATE TABLE t (name TEXT)", "INSERT INTO t VALUES ('ann')")
    personal = (Column(name="name", type="string", personal=True),)
    with pytest.raises(UsageError, match="personal"):
        read(Sql("sqlite:///x.db", "t", cursor="name"), folder, personal)
    assert read(Sql("sqlite:///x.db", "t"), folder, personal).height == 1


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("absent", UsageError, "no such table: absent"),
        ("SELECT nope FROM t", UsageError, "no such column: nope"),
        ("SELEC FROM t", UsageError, "syntax error"),
    ],
)
def test_a_query_that_is_none_is_explained(
    write: Callable[..., Path], query: str, error: type[Exception], said: str
):
    folder = write("CREATE TABLE t (id INTEGER)")
    with pytest.raises(error, match=said):
        read(Sql("sqlite:///x.db", query), folder)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path):
    with pytest.raises(NotFound, match=r"no database '.*nothing\.db'"):
        read(Sql("sqlite:///nothing.db", "t"), tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "text.db").write_text("this is no database " * 100)
    with pytest.raises(Unavailable, match=r"text\.db"):
        read(Sql("sqlite:///text.db", "t"), tmp_path)


@pytest.mark.parametrize(
    ("declare", "error"),
    [
        (lambda: Sql("mysql://h/db", "t"), InvalidProject),
        (lambda: Sql("sqlite:///x.db", "t", overlap="5m"), InvalidProject),
        (lambda: Sql("sqlite:///x.db", "t", cursor="id", overlap="soon"), InvalidName),
    ],
)
def test_what_can_not_be_read_is_refused_when_it_is_declared(declare: Any, error: type[Exception]):
    with pytest.raises(error):
        declare()


@pytest.mark.postgres
def test_types_that_only_postgresql_has(empty_pg_url: str, tmp_path: Path):
    with psycopg.connect(empty_pg_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE t (id smallint, price numeric(12, 2), key uuid, doc jsonb, day date, "
            "seen timestamp, raw bytea, spell interval)"
        )
        connection.execute(
            "INSERT INTO t VALUES (1, 12.50, '0192f3a4-0000-7000-8000-00000000abcd', '{\"a\": 1}', "
            "'2024-05-01', '2024-05-01 12:00', '\\xff00', '1 day'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
        )
    columns = (
        Column(name="id", type="int64"),
        Column(name="price", type="float64", nullable=True),
        Column(name="key", type="string", nullable=True),
        Column(name="doc", type="string", nullable=True),
        Column(name="day", type="date", nullable=True),
        Column(name="seen", type="timestamp", nullable=True),
        Column(name="raw", type="binary", nullable=True),
    )
    source = Sql("postgresql:${PG}", "t")
    environ = {"PG": empty_pg_url.removeprefix("postgresql:")}
    rows = read(source, tmp_path, columns, environ=environ).sort("id")
    assert rows.schema == {column.name: column.polars_type for column in columns}
    first = rows.row(0, named=True)
    assert (first["price"], first["raw"]) == (12.5, b"\xff\x00")
    assert first["key"] == "0192f3a4-0000-7000-8000-00000000abcd"
    assert first["doc"] == '{"a": 1}'
    assert str(first["seen"]) == "2024-05-01 12:00:00+00:00"
    assert rows.row(1)[1:] == (None,) * 6
    spell = (Column(name="spell", type="string", nullable=True),)
    with pytest.raises(SchemaViolation, match="column 'spell' of the source holds"):
        read(source, tmp_path, spell, environ=environ)


@pytest.mark.postgres
def test_a_cursor_of_times_reaches_back_by_a_span(empty_pg_url: str, tmp_path: Path):
    with psycopg.connect(empty_pg_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int, at timestamptz, plain timestamp, day date)")
        connection.execute(
            "INSERT INTO t SELECT n, moment, moment AT TIME ZONE 'UTC', moment::date "
            "FROM (SELECT n, timestamptz '2024-05-01 12:00Z' + n * interval '1 day' AS moment "
            "FROM generate_series(0, 4) AS n) AS days"
        )
    environ = {"PG": empty_pg_url.removeprefix("postgresql:")}
    for cursor in ("at", "plain", "day"):
        source = Sql("postgresql:${PG}", "t", cursor=cursor, overlap="1 day")
        reading = Reading(columns=COLUMNS[:1], folder=tmp_path, environ=environ)
        *_, last = source.read(reading)
        again = read(source, tmp_path, COLUMNS[:1], environ=environ, after=last.position)
        assert sorted(again["id"]) == [3, 4], cursor


@pytest.mark.postgres
def test_a_database_says_what_is_wrong_without_quoting_rows(empty_pg_url: str, tmp_path: Path):
    environ = {"PG": empty_pg_url.removeprefix("postgresql:")}
    for query, error, said in (
        ("nothing", UsageError, 'relation "nothing" does not exist'),
        ("SELECT 1 AS id, nope", UsageError, 'column "nope" does not exist'),
        ("SELECT 'secret'::int AS id", SchemaViolation, "SQLSTATE 22P02"),
    ):
        with pytest.raises(error, match=said) as caught:
            read(Sql("postgresql:${PG}", query), tmp_path, COLUMNS[:1], environ=environ)
        assert "secret" not in str(caught.value)
    source = Sql("postgresql://ann:${PW}@127.0.0.1:1/none", "t")
    with pytest.raises(Unavailable, match=r"postgresql://127\.0\.0\.1:1/none") as caught:
        read(source, tmp_path, environ={"PW": "hunter2"})
    assert "hunter2" not in str(caught.value)
