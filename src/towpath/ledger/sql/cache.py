"""The step cache: one row per key, claimed by lease, found again by the digests it mentions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.core.clock import to_micros
from towpath.core.errors import FenceLost
from towpath.ledger.records import Claim, Execution, Filling, StepResult
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import insert_all_new, put_all
from towpath.storage.blobs.naming import is_digest
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.session import Record, Session

_executions = tables.executions
_digests = tables.execution_digests
_runs = tables.runs


class SqlCache:
    """See `Cache`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events

    def look(self, key: str) -> Execution | None:
        """See `Cache.look`."""
        row = self._row(key)
        return _execution(row) if row is not None and row.state == "done" else None

    def look_all(self, keys: Sequence[str]) -> dict[str, StepResult]:
        """See `Cache.look_all`."""
        found: dict[str, StepResult] = {}
        for piece in chunked(keys):
            found |= self._results(_executions.c.key.in_(piece))
        return found

    def results_of(self, run_id: str) -> dict[str, StepResult]:
        """See `Cache.results_of`."""
        children = sa.select(_runs.c.name, _runs.c.key).where(
            _runs.c.parent == run_id, _runs.c.key.is_not(None)
        )
        keys = children.with_only_columns(_runs.c.key)
        results = self._results(_executions.c.key.in_(keys))
        in_order = children.order_by(_runs.c.started_at, _runs.c.id)
        return {name: results[key] for name, key in self._session.rows(in_order) if key in results}

    def look_ahead(self, run_id: str) -> dict[str, Execution]:
        """See `Cache.look_ahead`."""
        query = (
            sa.select(_executions, _runs.c.name)
            .join(_runs, _runs.c.key == _executions.c.key)
            .where(_runs.c.parent == run_id, _executions.c.state == "done")
            .order_by(_runs.c.started_at, _runs.c.id)
        )
        return {row.name: _execution(row) for row in self._session.rows(query)}

    def claim_all(
        self, claims: Sequence[Claim], *, owner: str, lease_s: float
    ) -> dict[str, Execution]:
        """See `Cache.claim_all`."""
        self._session.require_writable()
        found, now = self._rows([one.key for one in claims]), self._session.wall.now()
        taken: dict[str, Execution] = {}
        rows: list[dict[str, object]] = []
        for one in claims:
            row = found.get(one.key)
            if row is not None and (
                row.state == "done" or (row.owner != owner and row.leased_until > now)
            ):
                taken[one.key] = _execution(row)
                continue
            # A key that is dropped and claimed again never repeats a fence.
            fence = to_micros(now) if row is None else row.fence + 1
            rows.append(
                {
                    "key": one.key,
                    "step": one.step,
                    "parts": one.parts,
                    "state": "running",
                    "run": one.run_id,
                    "outputs": {},
                    "owner": owner,
                    "fence": fence,
                    "leased_until": now + timedelta(seconds=lease_s),
                    "at": now,
                }
            )
            taken[one.key] = Execution(
                key=one.key,
                step=one.step,
                parts=one.parts,
                state="running",
                run_id=one.run_id,
                outputs={},
                fence=fence,
                at=now,
            )
        put_all(self._session, _executions, rows)
        return taken

    def fill_all(self, fillings: Sequence[Filling]) -> list[str]:
        """See `Cache.fill_all`."""
        self._session.require_writable()
        found, at = self._rows([one.key for one in fillings]), self._session.wall.now()
        held = {
            key: row
            for one in fillings
            if (row := found.get(key := one.key)) is not None
            and row.state == "running"
            and row.fence == one.fence
        }
        filled = [one for one in fillings if one.key in held]
        if filled:
            change = (
                sa.update(_executions)
                .where(_executions.c.key == sa.bindparam("b_key"))
                .values(state="done", owner=None, leased_until=None, at=at)
                .values(outputs=sa.bindparam("b_outputs", type_=_executions.c.outputs.type))
            )
            values = [{"b_key": one.key, "b_outputs": one.outputs} for one in filled]
            self._session.write(change, values)
        digests = [
            {"digest": digest, "key": one.key}
            for one in filled
            for digest in sorted(set(_digests_in([held[one.key].parts, one.outputs])))
        ]
        insert_all_new(self._session, _digests, digests)
        for one in filled:
            row = held[one.key]
            self._events.append("step.cached", f"run:{row.run}", step=row.step, key=one.key)
        return [one.key for one in fillings if one.key not in held]

    def claim(
        self,
        key: str,
        *,
        step: str,
        parts: Mapping[str, str],
        run_id: str,
        owner: str,
        lease_s: float,
    ) -> Execution:
        """See `Cache.claim`."""
        self._session.require_writable()
        row, now = self._row(key), self._session.wall.now()
        if row is not None and (
            row.state == "done" or (row.owner != owner and row.leased_until > now)
        ):
            return _execution(row)
        values: dict[str, object] = {
            "key": key,
            "step": step,
            "parts": dict(parts),
            "state": "running",
        }
        values |= {"run": run_id, "outputs": {}, "owner": owner, "at": now}
        # A key that is dropped and claimed again never repeats a fence.
        values["fence"] = to_micros(now) if row is None else row.fence + 1
        values["leased_until"] = now + timedelta(seconds=lease_s)
        put_all(self._session, _executions, [values])
        return _execution(self._required(key))

    def renew(self, key: str, *, fence: int, lease_s: float) -> None:
        """See `Cache.renew`."""
        self._held(key, fence)
        until = self._session.wall.now() + timedelta(seconds=lease_s)
        self._update(key, leased_until=until)

    def fill(self, key: str, *, fence: int, outputs: Mapping[str, object]) -> Execution:
        """See `Cache.fill`."""
        row = self._held(key, fence)
        at = self._session.wall.now()
        self._update(key, state="done", outputs=dict(outputs), owner=None, leased_until=None, at=at)
        mentioned = sorted(set(_digests_in([row.parts, outputs])))
        rows = [{"digest": digest, "key": key} for digest in mentioned]
        insert_all_new(self._session, _digests, rows)
        self._events.append("step.cached", f"run:{row.run}", step=row.step, key=key)
        return _execution(self._required(key))

    def drop(self, key: str, *, fence: int | None = None) -> None:
        """See `Cache.drop`."""
        # Not the foreign key's cascade: the digests go first, whatever the database enforces.
        row = self._row(key)
        if row is not None and fence in (None, row.fence):
            self._session.write(sa.delete(_digests).where(_digests.c.key == key))
            self._session.write(sa.delete(_executions).where(_executions.c.key == key))

    def release(self, owner: str) -> int:
        """See `Cache.release`."""
        # The rows stay, so that their fences go on rising.
        held = sa.and_(_executions.c.owner == owner, _executions.c.state == "running")
        free = sa.update(_executions).where(held).values(leased_until=self._session.wall.now())
        return self._session.write(free).rowcount

    def last(self, step: str) -> Execution | None:
        """See `Cache.last`."""
        query = sa.select(_executions).where(
            _executions.c.step == step, _executions.c.state == "done"
        )
        order = (_executions.c.at.desc(), _executions.c.key)
        row = self._session.first(query.order_by(*order).limit(1))
        return None if row is None else _execution(row)

    def using(self, digests: Sequence[str]) -> list[Execution]:
        """See `Cache.using`."""
        found: dict[str, Execution] = {}
        for piece in chunked(digests):
            keys = sa.select(_digests.c.key).where(_digests.c.digest.in_(piece))
            query = sa.select(_executions).where(
                _executions.c.key.in_(keys), _executions.c.state == "done"
            )
            for row in self._session.rows(query.order_by(_executions.c.at, _executions.c.key)):
                found[row.key] = _execution(row)
        return list(found.values())

    def _results(self, wanted: sa.ColumnElement[bool]) -> dict[str, StepResult]:
        query = sa.select(
            _executions.c.key, _executions.c.run, _executions.c.outputs, _executions.c.fence
        ).where(_executions.c.state == "done", wanted)
        return {
            key: StepResult(key=key, run_id=run, outputs=outputs, fence=fence)
            for key, run, outputs, fence in self._session.rows(query)
        }

    def _rows(self, keys: Sequence[str]) -> dict[str, Record]:
        found: dict[str, Record] = {}
        for piece in chunked(keys):
            query = sa.select(_executions).where(_executions.c.key.in_(piece))
            found |= {row.key: row for row in self._session.rows(query)}
        return found

    def _row(self, key: str) -> Record | None:
        return self._session.first(sa.select(_executions).where(_executions.c.key == key))

    def _required(self, key: str) -> Record:
        row = self._row(key)
        assert row is not None
        return row

    def _held(self, key: str, fence: int) -> Record:
        self._session.require_writable()
        row = self._row(key)
        if row is None or row.state != "running" or row.fence != fence:
            raise FenceLost(
                f"the claim on step key {key} is not held any more",
                remedy="Drop this execution; another run has taken the key over.",
                key=key,
                fence=fence,
            )
        return row

    def _update(self, key: str, **values: object) -> None:
        self._session.write(sa.update(_executions).where(_executions.c.key == key).values(**values))


def _digests_in(value: object) -> Iterator[str]:
    """Yield every SHA-256 in a JSON-able value, bare or as the name of a reference."""
    if isinstance(value, str):
        name = value.rpartition(":")[2]
        if is_digest(name):
            yield name
    elif isinstance(value, dict):
        for item in value.values():
            yield from _digests_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _digests_in(item)


def _execution(row: Record) -> Execution:
    return Execution(
        key=row.key,
        step=row.step,
        parts=row.parts,
        state=row.state,
        run_id=row.run,
        outputs=row.outputs,
        fence=row.fence,
        at=row.at,
    )
