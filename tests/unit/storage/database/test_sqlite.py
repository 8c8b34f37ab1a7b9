"""The embedded database: what its files hold, and what it says when they fail."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from towpath.core.errors import IntegrityError, InvalidSetting, StorageFull, Unavailable
from towpath.storage.database import connection as connecting
from towpath.storage.database import open_database, schema
from towpath.storage.database.tables import intents, nodes

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.storage.database import Database

SECRET = "N12345-planted"


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("towpath.db*")))


def add(database: Database, count: int = 1, *, name: str = "x" * 200) -> None:
    with database.write() as connection:
        rows = [{"kind": "run", "name": f"{name}{n}", "version": 0} for n in range(count)]
        connection.execute(sa.insert(nodes), rows)


def test_the_newest_migration_is_the_one_we_know() -> None:
    scripts = ScriptDirectory.from_config(schema.alembic_config())
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(schema._KNOWN)
    assert scripts.get_current_head() == schema.HEAD


def test_every_connection_is_durable_and_tidy(sqlite_database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    with sqlite_database.write() as one, sqlite_database.read() as two:
        for connection in (one, two):
            for pragma, value in wanted.items():
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_scrubbing_leaves_no_byte_of_what_was_deleted(
    sqlite_database: Database, tmp_path: Path
) -> None:
    add(sqlite_database, 300)
    with sqlite_database.write() as connection:
        row = {"kind": "k", "name": "n", "project": "p", "spec": {"sealed": SECRET}, "fence": 0}
        row |= {"generation": 1, "phase": "new", "status": {}, "woken": False}
        moment = sa.func.cast(0, sa.BigInteger)
        connection.execute(sa.insert(intents).values(**row, created_at=moment, updated_at=moment))
    add(sqlite_database, 300, name=SECRET)
    assert SECRET.encode() in bytes_on_disk(tmp_path)
    with sqlite_database.write() as connection:
        connection.execute(sa.delete(nodes).where(nodes.c.name.startswith(SECRET)))
        connection.execute(sa.update(intents).values(spec={}))
    sqlite_database.scrub()
    assert SECRET.encode() not in bytes_on_disk(tmp_path)
    assert (tmp_path / "towpath.db-wal").stat().st_size == 0
    with sqlite_database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(nodes)) == 300


def test_scrubbing_waits_for_readers_and_says_so(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("towpath.storage.database.scrubbing._DEADLINE_S", 0.05)
    add(sqlite_database)
    with sqlite_database.read() as connection:
        connection.execute(sa.select(nodes)).all()
        add(sqlite_database, name="newer")
        with pytest.raises(Unavailable, match="being read"):
            sqlite_database.scrub()
    sqlite_database.scrub()


def test_a_full_disk_is_named_and_nothing_is_kept(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    with database.write() as connection:  # SQLite's own limit stands in for the disk's
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFull, match="full disk"):
        add(database, 1000)
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(nodes)) == 0
    database.close()


def test_a_lock_that_is_not_given_back_is_named(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pragmas = [p for p in connecting._SQLITE_PRAGMAS if "busy" not in p]
    monkeypatch.setattr(connecting, "_SQLITE_PRAGMAS", [*pragmas, "PRAGMA busy_timeout=20"])
    other = sqlite3.connect(tmp_path / "towpath.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = open_database(sqlite_url)
    with pytest.raises(Unavailable, match="stayed locked"):
        add(database)
    other.close()
    add(database)
    database.close()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "towpath.db").write_bytes(b"this is no database at all" * 100)
    database = open_database(f"sqlite:///{tmp_path}/towpath.db")
    with pytest.raises(IntegrityError, match="damaged"):
        database.migrate()
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://host/db",
        "sqlite+aiosqlite:///x.db",
    ],
)
def test_a_url_of_no_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match="database URL"):
        open_database(url)


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    database = open_database("postgresql://someone:secret@127.0.0.1:1/nowhere")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1/nowhere") as caught:
        database.migrate()
    assert "secret" not in str(caught.value)
