"""Prices, budgets, and the append-only account with its sums."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from towpath.core.digests import canonical_json
from towpath.core.errors import Conflict, NotFound
from towpath.ledger.spending import Balance, BudgetRow, Entry, PriceList
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import put_all
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from towpath.ledger.spending import EntryKind, Grouping
    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.session import Record, Session

_prices = tables.price_lists
_budgets = tables.budgets
_account = tables.account
_balances = tables.balances
_STORED = [column for column in _account.columns if column.name != "seq"]


class SqlAccount:
    """See `Account`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events

    def prices(self, version: int | None = None) -> PriceList | None:
        """See `Account.prices`."""
        query = sa.select(_prices).order_by(_prices.c.version.desc()).limit(1)
        if version is not None:
            query = query.where(_prices.c.version == version)
        rows = self._session.mappings(query)
        if not rows and version is not None:
            raise NotFound.named("price list", str(version))
        return PriceList(**rows[0]) if rows else None

    def set_prices(self, rates: Mapping[str, int], *, currency: str) -> PriceList:
        """See `Account.set_prices`."""
        self._session.require_writable()
        newest = self.prices()
        if newest is not None and (dict(newest.rates), newest.currency) == (dict(rates), currency):
            return newest
        version = 1 if newest is None else newest.version + 1
        values = {"version": version, "currency": currency, "rates": dict(rates)}
        self._session.write(sa.insert(_prices).values(**values, at=self._session.wall.now()))
        self._events.append("prices.set", f"prices:{version}", currency=currency, rates=dict(rates))
        found = self.prices(version)
        assert found is not None
        return found

    def budgets(self, names: Sequence[str] | None = None) -> list[BudgetRow]:
        """See `Account.budgets`."""
        query = sa.select(_budgets).order_by(_budgets.c.name)
        if names is not None:
            query = query.where(_budgets.c.name.in_(names))
        return [_budget(row) for row in self._session.rows(query)]

    def put_budget(self, name: str, *, project: str, spec: Mapping[str, Any]) -> bool:
        """See `Account.put_budget`."""
        self._session.require_writable()
        known = self.budgets([name])
        if known and canonical_json(known[0].spec) == canonical_json(spec):
            return False
        crossed = known[0].crossed if known else {}
        values = {"name": name, "project": project, "spec": dict(spec), "crossed": dict(crossed)}
        put_all(self._session, _budgets, [{**values, "updated_at": self._session.wall.now()}])
        self._events.append("budget.declared", f"budget:{name}", spec=dict(spec))
        return True

    def drop_budget(self, name: str) -> None:
        """See `Account.drop_budget`."""
        gone = sa.delete(_budgets).where(_budgets.c.name == name)
        if self._session.write(gone).rowcount:
            self._events.append("budget.lifted", f"budget:{name}")

    def cross(self, name: str, crossed: Mapping[str, Any]) -> None:
        """See `Account.cross`."""
        changes = sa.update(_budgets).where(_budgets.c.name == name)
        self._session.write(changes.values(crossed=dict(crossed)))

    def append(self, entries: Sequence[Entry]) -> None:
        """See `Account.append`."""
        self._session.require_writable()
        if not entries:
            return
        self._refuse_repeats(entries)
        names = [column.name for column in _STORED]
        rows = [{name: getattr(entry, name) for name in names} for entry in entries]
        self._session.write(sa.insert(_account), rows)
        self._move_balances(entries)
        moved = [
            {"permit": one.permit, "kind": one.kind, "micros": one.micros, "project": one.project}
            for one in entries
        ]
        self._events.append("account.moved", "account", entries=moved)

    def _refuse_repeats(self, entries: Sequence[Entry]) -> None:
        pairs = {(entry.permit, entry.kind) for entry in entries}
        known = sa.select(_account.c.permit, _account.c.kind)
        for piece in chunked(sorted({entry.permit for entry in entries})):
            for row in self._session.rows(known.where(_account.c.permit.in_(piece))):
                if (row.permit, row.kind) in pairs:
                    raise Conflict(
                        f"the account has a {row.kind!r} of {row.permit!r} already",
                        remedy="It was done before; nothing is left to do.",
                        permit=row.permit,
                        kind=row.kind,
                    )
        if len(pairs) != len(entries):
            raise Conflict("the same entry was to be made twice in one transaction")

    def _move_balances(self, entries: Sequence[Entry]) -> None:
        moves: defaultdict[tuple[str, datetime], list[int]] = defaultdict(lambda: [0, 0])
        for entry in entries:
            reserved, spent = _effect(entry)
            for budget in entry.budgets:
                moves[budget, entry.day][0] += reserved
                moves[budget, entry.day][1] += spent
        days = {day for _, day in moves}
        query = sa.select(_balances).where(
            _balances.c.budget.in_({name for name, _ in moves}), _balances.c.day.in_(days)
        )
        for row in self._session.rows(query):
            if (row.budget, row.day) in moves:
                moves[row.budget, row.day][0] += row.reserved
                moves[row.budget, row.day][1] += row.spent
        rows: list[dict[str, object]] = [
            {"budget": budget, "day": day, "reserved": reserved, "spent": spent}
            for (budget, day), (reserved, spent) in moves.items()
        ]
        put_all(self._session, _balances, rows)

    def balances(self, since: Mapping[str, datetime]) -> dict[str, Balance]:
        """See `Account.balances`."""
        found = {name: Balance() for name in since}
        if not since:
            return found
        total = sa.func.sum(_balances.c.reserved), sa.func.sum(_balances.c.spent)
        wanted = [
            sa.and_(_balances.c.budget == name, _balances.c.day >= day)
            for name, day in since.items()
        ]
        query = sa.select(_balances.c.budget, *total).where(sa.or_(*wanted))
        for name, reserved, spent in self._session.rows(query.group_by(_balances.c.budget)):
            found[name] = Balance(reserved=int(reserved), spent=int(spent))
        return found

    def entries(
        self,
        *,
        permit: str | None = None,
        run: str | None = None,
        step: tuple[str, str] | None = None,
        kind: EntryKind | None = None,
        limit: int = 1000,
    ) -> list[Entry]:
        """See `Account.entries`."""
        query = sa.select(_account).order_by(_account.c.seq.desc()).limit(limit)
        if permit is not None:
            query = query.where(_account.c.permit == permit)
        if run is not None:
            query = query.where(_account.c.run == run)
        if step is not None:
            query = query.where(_account.c.project == step[0], _account.c.step == step[1])
        if kind is not None:
            query = query.where(_account.c.kind == kind)
        return [Entry(**row) for row in self._session.mappings(query)]

    def totals(
        self,
        by: Sequence[Grouping],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        project: str | None = None,
    ) -> dict[tuple[Any, ...], int]:
        """See `Account.totals`."""
        columns = [_account.c[name] for name in by]
        total = sa.func.sum(_account.c.micros).label("total")
        query = sa.select(*columns, total).where(_account.c.kind.in_(("settle", "adjust")))
        if since is not None:
            query = query.where(_account.c.day >= since)
        if until is not None:
            query = query.where(_account.c.day < until)
        if project is not None:
            query = query.where(_account.c.project == project)
        rows = self._session.rows(query.group_by(*columns).order_by(total.desc(), *columns))
        return {tuple(row[:-1]): int(row[-1]) for row in rows if row[-1] is not None}


def _effect(entry: Entry) -> tuple[int, int]:
    """Return what an entry adds to what is reserved and to what is spent."""
    match entry.kind:
        case "reserve":
            return entry.micros, 0
        case "release":
            return -entry.micros, 0
        case "settle" | "adjust":
            return 0, entry.micros


def _budget(row: Record) -> BudgetRow:
    return BudgetRow(name=row.name, project=row.project, spec=row.spec, crossed=row.crossed)
