"""Attempts that wait or run, what projects used lately, and where steps would carry on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.ledger.spending import Group, PermitRow, ResumePoint
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import put_all
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.ledger.sql.session import Session

_permits = tables.permits
_shares = tables.shares
_points = tables.resume_points
_COME_FIRST = (_permits.c.asked_at, _permits.c.id)


class SqlLine:
    """See `Line`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, ids: Sequence[str]) -> dict[str, PermitRow]:
        """See `Line.find`."""
        found: dict[str, PermitRow] = {}
        for piece in chunked(ids):
            query = sa.select(_permits).where(_permits.c.id.in_(piece))
            found |= {row["id"]: PermitRow(**row) for row in self._session.mappings(query)}
        return found

    def put(self, rows: Sequence[PermitRow]) -> None:
        """See `Line.put`."""
        self._session.require_writable()
        put_all(self._session, _permits, [asdict(row) for row in rows])

    def remove(self, ids: Sequence[str]) -> None:
        """See `Line.remove`."""
        self._session.require_writable()
        for piece in chunked(ids):
            self._session.write(sa.delete(_permits).where(_permits.c.id.in_(piece)))

    def granted(self, *, run: str | None = None) -> list[PermitRow]:
        """See `Line.granted`."""
        query = sa.select(_permits).where(_permits.c.state == "granted").order_by(*_COME_FIRST)
        if run is not None:
            query = query.where(_permits.c.run == run)
        return [PermitRow(**row) for row in self._session.mappings(query)]

    def groups(self) -> list[Group]:
        """See `Line.groups`."""
        names = (_permits.c.priority, _permits.c.project, _permits.c.queue)
        query = sa.select(*names, sa.func.count().label("waiting")).where(*self._wanted())
        order = (_permits.c.priority.desc(), _permits.c.project, _permits.c.queue)
        rows = self._session.mappings(query.group_by(*names).order_by(*order))
        return [Group(**row) for row in rows]

    def waiting(self, group: Group, *, offset: int, limit: int) -> list[PermitRow]:
        """See `Line.waiting`."""
        ours = (
            _permits.c.priority == group.priority,
            _permits.c.project == group.project,
            _permits.c.queue == group.queue,
        )
        query = sa.select(_permits).where(*self._wanted(), *ours).order_by(*_COME_FIRST)
        rows = self._session.mappings(query.offset(offset).limit(limit))
        return [PermitRow(**row) for row in rows]

    def lapsed(self) -> list[PermitRow]:
        """See `Line.lapsed`."""
        past = (_permits.c.state == "waiting", _permits.c.seen_until <= self._session.wall.now())
        query = sa.select(_permits).where(*past).order_by(*_COME_FIRST).limit(1000)
        return [PermitRow(**row) for row in self._session.mappings(query)]

    def owners(self) -> list[str]:
        """See `Line.owners`."""
        query = sa.select(_permits.c.owner).where(_permits.c.state == "waiting").distinct()
        return sorted(row.owner for row in self._session.rows(query))

    def waiting_for(self, owners: Sequence[str]) -> list[PermitRow]:
        """See `Line.waiting_for`."""
        if not owners:
            return []
        theirs = (_permits.c.state == "waiting", _permits.c.owner.in_(owners))
        query = sa.select(_permits).where(*theirs).order_by(*_COME_FIRST)
        return [PermitRow(**row) for row in self._session.mappings(query)]

    def keep(self, owner: str, *, lease_s: float) -> None:
        """See `Line.keep`."""
        ours = (_permits.c.owner == owner, _permits.c.state == "waiting")
        until = self._session.wall.now() + timedelta(seconds=lease_s)
        self._session.write(sa.update(_permits).where(*ours).values(seen_until=until))

    def shares(self) -> dict[str, tuple[int, datetime]]:
        """See `Line.shares`."""
        rows = self._session.rows(sa.select(_shares))
        return {row.project: (row.micros, row.at) for row in rows}

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

    def _wanted(self) -> tuple[sa.ColumnElement[bool], ...]:
        now = self._session.wall.now()
        return (_permits.c.state == "waiting", _permits.c.seen_until > now)
