"""Who has withdrawn, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.ledger.sql.session import chunked
from towpath.ledger.withdrawals import Withdrawal
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.session import Session

_table = tables.withdrawals
# A gateway asks for the first of these ten times a second: they are put together once.
_SINCE = (
    sa.select(_table.c.position, _table.c.subject)
    .where(_table.c.position >= sa.bindparam("first"))
    .order_by(_table.c.position)
)
_NEWEST = sa.select(sa.func.max(_table.c.position))


class SqlWithdrawals:
    """See `Withdrawals`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events

    def add(self, subject: str) -> int:
        """See `Withdrawals.add`."""
        return self.add_all([subject])[subject]

    def add_all(self, subjects: Collection[str]) -> dict[str, int]:
        """See `Withdrawals.add_all`."""
        self._session.require_writable()
        self._events.size()  # the log's head is this transaction's from here on, and so the next place
        placed: dict[str, int] = {}
        for piece in chunked(list(subjects)):
            query = sa.select(_table.c.subject, _table.c.position).where(
                _table.c.subject.in_(piece)
            )
            placed |= {row.subject: row.position for row in self._session.rows(query)}
        newest, at = self.position(), self._session.wall.now()
        fresh = [one for one in dict.fromkeys(subjects) if one not in placed]
        rows = [
            {"position": position, "subject": subject, "at": at}
            for position, subject in enumerate(fresh, newest + 1)
        ]
        if rows:
            self._session.write(sa.insert(_table), rows)
        for position, subject in enumerate(fresh, newest + 1):
            placed[subject] = position
            self._events.append("subject.withdrawn", f"subject:{subject}", position=position)
        return placed

    def position(self) -> int:
        """See `Withdrawals.position`."""
        row = self._session.first(_NEWEST)
        return 0 if row is None else int(row[0] or 0)

    def since(self, position: int) -> list[Withdrawal]:
        """See `Withdrawals.since`."""
        rows = self._session.rows(_SINCE, first=position)
        return [Withdrawal(position=place, subject=subject) for place, subject in rows]

    def among(self, subjects: Collection[str]) -> set[str]:
        """See `Withdrawals.among`."""
        if not subjects:
            return set()
        if len(subjects) > self.position():  # positions have no gaps
            return set(self.subjects().intersection(subjects))
        found: set[str] = set()
        for piece in chunked(list(subjects)):
            query = sa.select(_table.c.subject).where(_table.c.subject.in_(piece))
            found |= {row[0] for row in self._session.rows(query)}
        return found

    def subjects(self) -> frozenset[str]:
        """See `Withdrawals.subjects`."""
        return frozenset(row[0] for row in self._session.rows(sa.select(_table.c.subject)))
