"""Turns what a database driver raises into Towpath's errors, at the border."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import exc

from towpath.core.errors import (
    Conflict,
    InfrastructureError,
    IntegrityError,
    StorageFull,
    TowpathError,
    Unavailable,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Generator

# By the start of SQLite's error name or PostgreSQL's SQLSTATE
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
# SQLite has no words for a full disk when it can't even extend the index of its write-ahead log.
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "53100")
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
_RACE = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "40001", "40P01", "23505")


@contextmanager
def translated(where: str) -> Generator[None]:
    """Raise what SQLAlchemy raises inside as one of Towpath's errors; `where` names the database."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _translate(error, where) from error
    except exc.TimeoutError as error:
        raise Unavailable(
            f"no connection to the database {where} became free",
            remedy="Something holds its transactions open; retry, or raise the pool size.",
        ) from error


def _translate(error: exc.DBAPIError, where: str) -> TowpathError:
    driver = error.orig
    code = getattr(driver, "sqlite_errorname", None) or getattr(driver, "sqlstate", None) or ""
    detail = (str(driver).strip().splitlines() or ["no detail"])[0]
    for codes, kind, message, remedy in (
        (_FULL, StorageFull, "is on a full disk", "Free some space and retry; nothing was kept."),
        (_LOCKED, Unavailable, "stayed locked", "Something holds a long transaction; retry."),
        (_DAMAGED, IntegrityError, f"is damaged: {detail}", "Restore it from a backup."),
        (_RACE, Conflict, "has another writer, who got there first", "Read again and retry."),
    ):
        if str(code).startswith(codes):
            return kind(f"the database {where} {message}", remedy=remedy)
    if isinstance(error, exc.DataError):
        return UsageError(f"the database {where} can't store a value: {detail}")
    if isinstance(error, (exc.OperationalError, exc.InterfaceError)):
        return Unavailable(
            f"the database {where} does not answer: {detail}",
            remedy="Check that it runs and can be reached, then retry.",
        )
    return InfrastructureError(f"the database {where} failed: {detail}")
