"""Both databases migrate, serialise writers, give snapshots and forget what was deleted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from towpath.core.errors import Conflict, UsageError
from towpath.storage.database import open_database
from towpath.storage.database.schema import alembic_config
from towpath.storage.database.tables import intents, metadata, nodes, withdrawals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.storage.database import CommitWatch, Database


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("empty_pg_url")
    return f"sqlite:///{tmp_path}/deep/new.db"


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """Return a database without a schema."""
    database = open_database(empty_url)
    yield database
    database.close()


def add_node(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(sa.insert(nodes).values(kind="run", name=name, version=0))


def names(connection: sa.Connection) -> list[str]:
    return list(connection.scalars(sa.select(nodes.c.name).order_by(nodes.c.id)))


def test_the_migrations_build_exactly_the_tables(empty: Database) -> None:
    empty.migrate()
    empty.migrate()
    empty.require_current()
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_list_of_withdrawals_in_one_row_becomes_rows(empty: Database) -> None:
    row = {"kind": "suppression", "name": "all", "project": "towpath", "phase": "new"}
    row |= {
        "spec": {"hashes": ["aa", "bb"]},
        "generation": 2,
        "status": {},
        "woken": False,
        "fence": 1,
    }
    row |= {"created_at": MOMENT, "updated_at": MOMENT}
    with empty._engine.connect().execution_options(writes=True) as connection, connection.begin():
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(sa.insert(intents).values(**row))
    empty.migrate()
    with empty.read() as connection:
        found = connection.execute(sa.select(withdrawals).order_by(withdrawals.c.position)).all()
        assert [tuple(one) for one in found] == [(1, "aa", MOMENT), (2, "bb", MOMENT)]
        assert connection.execute(sa.select(intents.c.name)).all() == []


def test_an_unmigrated_database_is_refused(empty: Database) -> None:
    with pytest.raises(UsageError, match="schema none"):
        empty.require_current()


def test_a_newer_schema_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (database.migrate, database.require_current):
        with pytest.raises(UsageError, match=r"newer Towpath \(schema 9999\)"):
            ask()


def test_threads_that_migrate_together_do_it_once(empty_url: str) -> None:
    failures: list[BaseException] = []

    def migrate() -> None:
        database = open_database(empty_url)
        try:
            database.migrate()
        except BaseException as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_writers_from_many_connections_lose_nothing(database: Database, database_url: str) -> None:
    add_node(database, "0")

    def count_up() -> None:
        own = open_database(database_url)
        for _ in range(10):
            with own.write() as connection:  # read, then write: a lost update would show
                number = max(int(name) for name in names(connection))
                connection.execute(
                    sa.insert(nodes).values(kind="run", name=str(number + 1), version=0)
                )
        own.close()

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert names(connection) == [str(number) for number in range(41)]


def test_a_snapshot_does_not_move_and_does_not_block(database: Database) -> None:
    add_node(database, "before")
    with database.read() as connection:
        assert names(connection) == ["before"]
        add_node(database, "after")
        assert names(connection) == ["before"]
    with database.read() as connection:
        assert names(connection) == ["before", "after"]


def test_an_error_rolls_back_and_frees_the_line(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(sa.insert(nodes).values(kind="run", name="lost", version=0))
        assert 1 / 0
    add_node(database, "kept")
    with database.read() as connection:
        assert names(connection) == ["kept"]


def test_a_taken_key_is_a_conflict(database: Database) -> None:
    add_node(database, "twin")
    with pytest.raises(Conflict) as caught:
        add_node(database, "twin")
    # psycopg itself quotes the key; what SQLAlchemy adds to it must not quote the row.
    assert "parameters: {" not in str(caught.value.__cause__)
    assert "hidden" in str(caught.value.__cause__)


def test_text_is_ordered_by_bytes(database: Database) -> None:
    for name in ("b-1", "a", "B", "b1", "é", "_"):
        add_node(database, name)
    with database.read() as connection:
        found = list(connection.scalars(sa.select(nodes.c.name).order_by(nodes.c.name)))
    assert found == ["B", "_", "a", "b-1", "b1", "é"]


def test_messages_hide_the_password(empty_url: str) -> None:
    url = empty_url.replace("postgres:@", "postgres:secret@")
    assert "secret" not in open_database(url).name


def is_still(watch: CommitWatch) -> bool:
    """Tell whether a look finds nothing: not every one on a PostgreSQL that other tests write to as well."""
    return not all(watch.has_changed() for _ in range(1000))


def test_a_watch_tells_of_every_commit_and_of_no_reading(database: Database) -> None:
    def changes_by_reading() -> bool:
        with database.read() as connection:
            assert names(connection) == []
        return watch.has_changed()

    watch = database.watch()
    try:
        assert watch.has_changed(), "nobody knows what was before the first look"
        assert is_still(watch)
        assert not all(changes_by_reading() for _ in range(100))
        with database.write() as connection:
            connection.execute(sa.insert(nodes).values(kind="run", name="first", version=0))
            # PostgreSQL's tells of a beginning, too; neither may miss the end for it.
            watch.has_changed()
        assert watch.has_changed()
        assert is_still(watch)
        add_node(database, "second")
        add_node(database, "third")
        assert watch.has_changed()
        assert is_still(watch)
    finally:
        watch.close()


def test_a_watch_that_was_closed_begins_anew(database: Database) -> None:
    watch = database.watch()
    assert watch.has_changed()
    watch.close()
    watch.close()
    assert watch.has_changed()
    watch.close()
