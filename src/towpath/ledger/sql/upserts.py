"""Inserts that look before they leap, written for both dialects at once.

SQLAlchemy takes longer to put a statement together than a database does to execute it, so each is made
once for a dialect and a table. Only the dialect that is at work is loaded: PostgreSQL's would cost every
process beside a SQLite file 3 MB and a twentieth of a second.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from towpath.ledger.sql.session import Session


def insert_new(session: Session, table: sa.Table, row: Mapping[str, object]) -> bool:
    """Insert a row unless its key is taken; tell whether it was new."""
    statement = insert_for(session.dialect, table).values(**row).on_conflict_do_nothing()
    # Without the option SQLAlchemy forgets psycopg's count of inserted rows.
    return session.write(statement.execution_options(preserve_rowcount=True)).rowcount > 0


def insert_all_new(session: Session, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> int:
    """Insert the rows whose keys are not taken; return how many those were."""
    return session.write(_unless_taken(session.dialect, table), rows).rowcount if rows else 0


def put_all(session: Session, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, replacing those with the same primary key."""
    if rows:
        session.write(_or_replace(session.dialect, table), rows)


def insert_for(dialect: str, table: sa.Table) -> Any:
    """Return an insert that can say what happens where the key is taken."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


@cache
def _unless_taken(dialect: str, table: sa.Table) -> Any:
    # Without the option SQLAlchemy forgets psycopg's count of inserted rows.
    return (
        insert_for(dialect, table)
        .on_conflict_do_nothing()
        .execution_options(preserve_rowcount=True)
    )


@cache
def _or_replace(dialect: str, table: sa.Table) -> Any:
    statement = insert_for(dialect, table)
    keys = list(table.primary_key.columns)
    names = {column.name for column in keys}
    changes = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in names}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)
