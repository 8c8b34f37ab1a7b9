"""Attempts that wait or run, what projects used lately, and where steps would carry on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.ledger.spending import Group, PermitRow, ResumePoint
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.skipping import distinct_of
from towpath.ledger.sql.upserts import put_all
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.ledger.sql.session import Query, Record, Session

_permits = tables.permits
_shares = tables.shares
_points = tables.resume_points
_COME_FIRST = (_permits.c.asked_at, _permits.c.id)
_GROUP = (_permits.c.priority, _permits.c.project, _permits.c.queue)
_WAITS = _permits.c.state == "waiting"
# A decision asks all of these: they are put together once, which takes longer than answering them.
_FIND = sa.select(_permits).where(_permits.c.id.in_(sa.bindparam("ids", expanding=True)))
_REMOVE = sa.delete(_permits).where(_permits.c.id.in_(sa.bindparam("ids", expanding=True)))
_GRANTED = sa.select(_permits).where(_permits.c.state == "granted").order_by(*_COME_FIRST)
_GRANTED_OF_RUN = _GRANTED.where(_permits.c.run == sa.bindparam("of_run"))
_GROUPS = distinct_of(_GROUP, _WAITS)
_OWNERS = distinct_of((_permits.c.owner,))
_WAITING = (
    sa.select(_permits)
    .where(
        _WAITS,
        *(column == sa.bindparam(f"of_{column.name}") for column in _GROUP),
        _permits.c.seen_until > sa.bindparam("now"),
    )
    .order_by(*_COME_FIRST)
    .offset(sa.bindparam("skipped"))
    .limit(sa.bindparam("most"))
)
_LAPSED = (
    sa.select(_permits)
    .where(_WAITS, _permits.c.seen_until <= sa.bindparam("now"))
    .order_by(*_COME_FIRST)
    .limit(1000)
)
_WAITING_FOR = (
    sa.select(_permits)
    .where(_WAITS, _permits.c.owner.in_(sa.bindparam("owners", expanding=True)))
    .order_by(*_COME_FIRST)
)
_ALL_SHARES = sa.select(_shares.c.project, _shares.c.micros, _shares.c.at)
_SHARE = _ALL_SHARES.where(_shares.c.project == sa.bindparam("of_project"))


class SqlLine:
    """See `Line`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, ids: Sequence[str]) -> dict[str, PermitRow]:
        """See `Line.find`."""
        found: dict[str, PermitRow] = {}
        for piece in chunked(ids):
            found |= {row.id: row for row in self._read(_FIND, ids=piece)}
        return found

    def put(self, rows: Sequence[PermitRow]) -> None:
        """See `Line.put`."""
        self._session.require_writable()
        put_all(self._session, _permits, [asdict(row) for row in rows])

    def remove(self, ids: Sequence[str]) -> None:
        """See `Line.remove`."""
        self._session.require_writable()
        for piece in chunked(ids):
            self._session.connection.execute(_REMOVE, {"ids": piece})

    def granted(self, *, run: str | None = None) -> list[PermitRow]:
        """See `Line.granted`."""
        return self._read(_GRANTED) if run is None else self._read(_GRANTED_OF_RUN, of_run=run)

    def groups(self) -> list[Group]:
        """See `Line.groups`."""
        found = [
            Group(priority=priority, project=project, queue=queue)
            for priority, project, queue in self._session.rows(_GROUPS)
        ]
        return sorted(found, key=lambda one: -one.priority)

    def waiting(self, group: Group, *, offset: int, limit: int) -> list[PermitRow]:
        """See `Line.waiting`."""
        return self._read(
            _WAITING,
            of_priority=group.priority,
            of_project=group.project,
            of_queue=group.queue,
            now=self._session.wall.now(),
            skipped=offset,
            most=limit,
        )

    def lapsed(self) -> list[PermitRow]:
        """See `Line.lapsed`."""
        return self._read(_LAPSED, now=self._session.wall.now())

    def owners(self) -> list[str]:
        """See `Line.owners`."""
        return [owner for (owner,) in self._session.rows(_OWNERS)]

    def waiting_for(self, owners: Sequence[str]) -> list[PermitRow]:
        """See `Line.waiting_for`."""
        return self._read(_WAITING_FOR, owners=list(owners)) if owners else []

    def shares(self) -> dict[str, tuple[int, datetime]]:
        """See `Line.shares`."""
        rows = self._session.rows(_ALL_SHARES)
        return {project: (micros, at) for project, micros, at in rows}

    def share(self, project: str) -> tuple[int, datetime] | None:
        """See `Line.share`."""
        row = self._session.first(_SHARE, of_project=project)
        return None if row is None else (row.micros, row.at)

    def set_share(self, project: str, micros: int, at: datetime) -> None:
        """See `Line.set_share`."""
        self._session.require_writable()
        put_all(self._session, _shares, [{"project": project, "micros": micros, "at": at}])

    def resume_point(self, key: str) -> ResumePoint | None:
        """See `Line.resume_point`."""
        rows = self._session.mappings(sa.select(_points).where(_points.c.key == key))
        return ResumePoint(**rows[0]) if rows else None

    def resume_points(self) -> list[ResumePoint]:
        """See `Line.resume_points`."""
        query = sa.select(_points).order_by(_points.c.at, _points.c.key)
        return [ResumePoint(**row) for row in self._session.mappings(query)]

    def set_resume_point(self, key: str, *, digest: str, size_bytes: int, attempt: str) -> None:
        """See `Line.set_resume_point`."""
        self._session.require_writable()
        values = {"key": key, "digest": digest, "size_bytes": size_bytes, "attempt": attempt}
        put_all(self._session, _points, [{**values, "at": self._session.wall.now()}])

    def drop_resume_points(self, keys: Sequence[str]) -> None:
        """See `Line.drop_resume_points`."""
        self._session.require_writable()
        for piece in chunked(keys):
            self._session.write(sa.delete(_points).where(_points.c.key.in_(piece)))

    def _read(self, query: Query, **values: object) -> list[PermitRow]:
        return [_permit(row) for row in self._session.rows(query, **values)]


def _permit(row: Record) -> PermitRow:
    return PermitRow(
        id=row.id,
        state=row.state,
        project=row.project,
        queue=row.queue,
        run=row.run,
        owner=row.owner,
        priority=row.priority,
        asked_at=row.asked_at,
        seen_until=row.seen_until,
        wanted_by=row.wanted_by,
        saved_at=row.saved_at,
        body=row.body,
    )
