"""Inserts that look before they leap, written for both dialects at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from towpath.ledger.sql.session import Session


def insert_new(session: Session, table: sa.Table, row: Mapping[str, object]) -> bool:
    """Insert a row unless its key is taken; tell whether it was new."""
    statement = _insert(session, table).values(**row).on_conflict_do_nothing()
    # Without the option SQLAlchemy forgets psycopg's count of inserted rows.
    return session.write(statement.execution_options(preserve_rowcount=True)).rowcount > 0


def insert_all_new(session: Session, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert the rows whose keys are not taken."""
    if rows:
        session.write(_insert(session, table).on_conflict_do_nothing(), rows)


def put_all(session: Session, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, replacing those with the same primary key."""
    if not rows:
        return
    statement = _insert(session, table)
    keys = list(table.primary_key.columns)
    names = {column.name for column in keys}
    changes = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in names}
    session.write(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)


def _insert(session: Session, table: sa.Table) -> Any:
    return (postgresql if session.dialect == "postgresql" else sqlite).insert(table)
