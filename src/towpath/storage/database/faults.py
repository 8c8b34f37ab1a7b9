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
    from collections.abc import Iterator

# SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_PG_FULL = ("53100",)
_PG_RACE = ("40001", "40P01", "23505")
_SQLITE_RACE = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")
_SQLITE_BROKEN = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


@contextmanager
def translated(where: str) -> Iterator[None]:
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
    state = str(
        getattr(driver, "sqlite_errorname", None) or getattr(driver, "sqlstate", None) or ""
    )
    if state == "SQLITE_FULL" or state in _PG_FULL:
        return StorageFull(
            f"the disk under the database {where} is full",
            remedy="Free some space and retry; nothing of this transaction was kept.",
        )
    if state.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Unavailable(
            f"the database {where} stayed locked",
            remedy="Another process holds a long transaction; retry when it is done.",
        )
    if state.startswith(_SQLITE_BROKEN):
        return IntegrityError(
            f"the file of the database {where} is damaged",
            remedy="Restore it from a backup; `PRAGMA integrity_check` lists the damage.",
        )
    if state in _PG_RACE or state in _SQLITE_RACE:
        return Conflict(f"another writer got there first in the database {where}")
    if isinstance(error, exc.DataError):
        return UsageError(f"the database {where} can't store a value: {_first_line(driver)}")
    if isinstance(error, (exc.OperationalError, exc.InterfaceError)):
        return Unavailable(
            f"the database {where} does not answer: {_first_line(driver)}",
            remedy="Check that it runs and can be reached, then retry.",
        )
    return InfrastructureError(f"the database {where} failed: {_first_line(driver)}")


def _first_line(driver: BaseException | None) -> str:
    return (str(driver).strip().splitlines() or ["no detail"])[0]
