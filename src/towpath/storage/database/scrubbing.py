"""Removes what deleted rows leave behind in a database's files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.core.errors import Unavailable
from towpath.storage.database import tables

if TYPE_CHECKING:
    from sqlalchemy import Engine

_DEADLINE_S = 30.0
_RETRY_S = 0.02


def scrub_sqlite(engine: Engine, name: str) -> None:
    """Rebuild the file without free pages and empty the write-ahead log.

    `secure_delete` already zeroes deleted rows in the main file; the log still holds older pages
    until a checkpoint in which no reader needs them.
    """
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("VACUUM")
        usual_ms = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout=0")
        deadline = time.monotonic() + _DEADLINE_S
        try:
            while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"the write-ahead log of {name} is still being read",
                        remedy="A reader holds an old snapshot; retry when it is done.",
                    )
                time.sleep(_RETRY_S)
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual_ms}")
    finally:
        raw.close()


def scrub_postgresql(engine: Engine, name: str) -> None:
    """Rewrite every table, so that dead rows leave its files; indexes are rebuilt with it.

    The server's own write-ahead log, replicas and backups are its administrator's to recycle.
    """
    del name
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(sa.text(f'VACUUM FULL "{table.name}"'))
        connection.execute(sa.text("CHECKPOINT"))
