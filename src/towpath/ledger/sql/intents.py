"""Desired state as rows, with leases that are fenced."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.core.clock import to_micros
from towpath.core.digests import canonical_json, digest_json
from towpath.core.errors import Conflict, FenceLost, NotFound
from towpath.ledger.records import DueRows, Intent
from towpath.ledger.sql.session import chunked
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.session import Record, Session
    from towpath.ledger.work import NewRow

_intents = tables.intents


class SqlIntents:
    """See `Intents`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events

    def put(
        self,
        kind: str,
        name: str,
        *,
        project: str,
        spec: Mapping[str, object],
        phase: str = "new",
        status: Mapping[str, object] | None = None,
        due: bool = True,
        priority: int | None = None,
    ) -> Intent:
        """See `Intents.put`."""
        self._session.require_writable()
        now, row = self._session.wall.now(), self._row(kind, name)
        if row is None:
            values: dict[str, object] = {"kind": kind, "name": name, "project": project}
            values |= {"spec": dict(spec), "generation": 1, "phase": phase}
            values |= {"status": dict(status or {}), "due_at": now if due else None}
            # A row that is deleted and made again never repeats a fence.
            values |= {"fence": to_micros(now), "woken": False, "priority": priority or 0}
            values |= {"created_at": now, "updated_at": now}
            self._session.write(sa.insert(_intents).values(**values))
            self._declared(kind, name, 1, spec)
        elif canonical_json(row.spec) != canonical_json(spec):
            changes: dict[str, object] = {"spec": dict(spec), "generation": row.generation + 1}
            if due:
                # A worker may hold the row just now: its next `advance` must not put it to sleep.
                changes |= {"due_at": now, "woken": row.owner is not None}
            self._update(kind, name, **changes)
            self._declared(kind, name, row.generation + 1, spec)
        if row is not None and priority not in (None, row.priority):
            self._update(kind, name, priority=priority)
        return self.get(kind, name)

    def add_all(
        self, kind: str, rows: Mapping[str, NewRow], *, project: str, due: bool = True
    ) -> None:
        """See `Intents.add_all`."""
        self._session.require_writable()
        now = self._session.wall.now()
        every = {"kind": kind, "project": project, "generation": 1, "due_at": now if due else None}
        every |= {"fence": to_micros(now), "woken": False, "priority": 0}
        every |= {"created_at": now, "updated_at": now}
        values = [
            {**every, "name": name, "spec": dict(spec), "phase": phase, "status": dict(status)}
            for name, (spec, phase, status) in rows.items()
        ]
        if values:
            self._session.write(sa.insert(_intents), values)
        for name, (spec, _, _) in rows.items():
            self._declared(kind, name, 1, spec)

    def find_all(self, kind: str, names: Collection[str]) -> dict[str, Intent]:
        """See `Intents.find_all`."""
        found: dict[str, Intent] = {}
        for piece in chunked(list(names)):
            query = sa.select(_intents).where(_intents.c.kind == kind, _intents.c.name.in_(piece))
            found |= {row.name: _intent(row) for row in self._session.rows(query)}
        return found

    def get(self, kind: str, name: str) -> Intent:
        """See `Intents.get`."""
        found = self.find(kind, name)
        if found is None:
            known = sa.select(_intents.c.name).where(_intents.c.kind == kind).limit(1000)
            names = [row.name for row in self._session.rows(known)]
            raise NotFound.named(kind.replace("_", " "), name, names)
        return found

    def find(self, kind: str, name: str) -> Intent | None:
        """See `Intents.find`."""
        row = self._row(kind, name)
        return None if row is None else _intent(row)

    def list(
        self,
        kind: str | None = None,
        *,
        project: str | None = None,
        phases: Sequence[str] | None = None,
        prefix: str | None = None,
        newest_first: bool = False,
        limit: int | None = 1000,
    ) -> list[Intent]:
        """See `Intents.list`."""
        order = (_intents.c.created_at, _intents.c.kind, _intents.c.name)
        turned = [column.desc() for column in order] if newest_first else order
        query = sa.select(_intents).order_by(*turned).limit(limit)
        if kind is not None:
            query = query.where(_intents.c.kind == kind)
        if project is not None:
            query = query.where(_intents.c.project == project)
        if phases is not None:
            query = query.where(_intents.c.phase.in_(phases))
        if prefix is not None:
            query = query.where(_begins_with(prefix))
        return [_intent(row) for row in self._session.rows(query)]

    def count(self, kind: str, *, prefix: str | None = None) -> dict[str, int]:
        """See `Intents.count`."""
        query = sa.select(_intents.c.phase, sa.func.count().label("rows"))
        query = query.where(_intents.c.kind == kind).group_by(_intents.c.phase)
        if prefix is not None:
            query = query.where(_begins_with(prefix))
        return {row.phase: row.rows for row in self._session.rows(query)}

    def claim(
        self,
        kinds: Sequence[str],
        *,
        owner: str,
        lease_s: float,
        among: DueRows | None = None,
    ) -> Intent | None:
        """See `Intents.claim`."""
        self._session.require_writable()
        now = self._session.wall.now()
        order = (_intents.c.due_at, _intents.c.created_at, _intents.c.kind, _intents.c.name)
        query = sa.select(_intents).where(*_free(kinds, now)).order_by(*order).limit(1)
        if among is not None:
            query = query.where(
                _intents.c.project == among.project, _intents.c.priority == among.priority
            )
        row = self._session.first(query)
        if row is None:
            return None
        until = now + timedelta(seconds=lease_s)
        self._update(
            row.kind, row.name, owner=owner, fence=row.fence + 1, leased_until=until, woken=False
        )
        return self.get(row.kind, row.name)

    def is_due(self, kinds: Sequence[str]) -> bool:
        """See `Intents.is_due`."""
        due = sa.select(_intents.c.name).where(*_free(kinds, self._session.wall.now()))
        return self._session.first(due.limit(1)) is not None

    def due(self, kinds: Sequence[str]) -> list[DueRows]:
        """See `Intents.due`."""
        whose = (_intents.c.priority, _intents.c.project)
        since = sa.func.min(_intents.c.due_at).label("since")
        query = sa.select(*whose, sa.func.count().label("rows"), since)
        query = query.where(*_free(kinds, self._session.wall.now())).group_by(*whose)
        order = (_intents.c.priority.desc(), since, _intents.c.project)
        return [DueRows(**row) for row in self._session.mappings(query.order_by(*order))]

    def renew(self, held: Intent, *, lease_s: float) -> None:
        """See `Intents.renew`."""
        self._session.require_writable()
        self._held(held)
        until = self._session.wall.now() + timedelta(seconds=lease_s)
        self._update(held.kind, held.name, leased_until=until)

    def advance(
        self,
        held: Intent,
        *,
        phase: str | None = None,
        status: Mapping[str, object] | None = None,
        due_in_s: float | None = None,
        keep: bool = False,
    ) -> Intent:
        """See `Intents.advance`."""
        self._session.require_writable()
        row, now = self._held(held), self._session.wall.now()
        changes: dict[str, object] = {}
        if phase is not None:
            changes["phase"] = phase
        if status is not None:
            changes["status"] = dict(status)
        if keep:
            # While a worker is on it the row stays due, so that others take over if it dies.
            changes["due_at"] = row.due_at or now
        else:
            again = row.woken or row.generation != held.generation
            later = None if due_in_s is None else now + timedelta(seconds=due_in_s)
            changes |= {"owner": None, "leased_until": None, "woken": False}
            changes["due_at"] = now if again else later
        self._update(held.kind, held.name, **changes)
        if phase is not None and phase != row.phase:
            self._moved(held.kind, held.name, row.phase, phase)
        return self.get(held.kind, held.name)

    def report(
        self, kind: str, name: str, *, status: Mapping[str, object], phase: str | None = None
    ) -> None:
        """See `Intents.report`."""
        self._session.require_writable()
        row = self.get(kind, name)
        if row.owner is not None:
            raise Conflict(f"a worker holds the {kind} {name!r}; only it may report on it")
        moved = phase is not None and phase != row.phase
        self._update(kind, name, status=dict(status), **({"phase": phase} if moved else {}))
        if moved:
            self._moved(kind, name, row.phase, phase)

    def release(self, owner: str) -> int:
        """See `Intents.release`."""
        changes = sa.update(_intents).where(_intents.c.owner == owner)
        return self._session.write(changes.values(owner=None, leased_until=None)).rowcount

    def wake(self, kind: str, name: str) -> None:
        """See `Intents.wake`."""
        self._session.require_writable()
        row = self._row(kind, name)
        if row is not None:
            now = self._session.wall.now()
            due_at = now if row.due_at is None else min(row.due_at, now)
            self._update(kind, name, due_at=due_at, woken=row.owner is not None)

    def delete(self, kind: str, name: str) -> None:
        """See `Intents.delete`."""
        gone = sa.delete(_intents).where(_intents.c.kind == kind, _intents.c.name == name)
        if self._session.write(gone).rowcount:
            self._events.append("intent.deleted", f"{kind}:{name}")

    def _row(self, kind: str, name: str) -> Record | None:
        query = sa.select(_intents).where(_intents.c.kind == kind, _intents.c.name == name)
        return self._session.first(query)

    def _held(self, held: Intent) -> Record:
        row = self._row(held.kind, held.name)
        if row is None or row.fence != held.fence or row.owner != held.owner or row.owner is None:
            raise FenceLost(
                f"the lease on {held.kind} {held.name!r} is not held any more",
                remedy="Drop this step; whoever holds the row now does it.",
                kind=held.kind,
                name=held.name,
                fence=held.fence,
            )
        return row

    def _update(self, kind: str, name: str, **values: object) -> None:
        changes = sa.update(_intents).where(_intents.c.kind == kind, _intents.c.name == name)
        self._session.write(changes.values(**values, updated_at=self._session.wall.now()))

    def _moved(self, kind: str, name: str, before: str, after: str | None) -> None:
        self._events.append("intent.moved", f"{kind}:{name}", before=before, after=after)

    def _declared(self, kind: str, name: str, generation: int, spec: Mapping[str, object]) -> None:
        # The log is for ever and a spec may be large or sealed: its digest is evidence enough.
        self._events.append(
            "intent.declared", f"{kind}:{name}", generation=generation, spec=digest_json(spec)
        )


def _free(kinds: Sequence[str], now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of a row that is due and that nobody living holds."""
    unheld = sa.or_(_intents.c.owner.is_(None), _intents.c.leased_until <= now)
    return (_intents.c.kind.in_(kinds), _intents.c.due_at <= now, unheld)


def _begins_with(prefix: str) -> sa.ColumnElement[bool]:
    """Return the condition on a name as a range: both databases order names by their bytes."""
    return sa.and_(_intents.c.name >= prefix, _intents.c.name < prefix + "\U0010ffff")


def _intent(row: Record) -> Intent:
    return Intent(
        kind=row.kind,
        name=row.name,
        project=row.project,
        spec=row.spec,
        generation=row.generation,
        phase=row.phase,
        status=row.status,
        due_at=row.due_at,
        owner=row.owner,
        fence=row.fence,
        created_at=row.created_at,
        updated_at=row.updated_at,
        priority=row.priority,
    )
