"""Prices, budgets, and the append-only account with its sums."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from towpath.core.digests import canonical_json
from towpath.core.errors import Conflict, NotFound
from towpath.ledger.spending import Balance, BudgetRow, Entry, PriceList
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import insert_all_new, insert_for, put_all
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
_STORED = tuple(column.name for column in _account.columns if column.name != "seq")
# What a decision asks and appends: put together once, which takes longer than answering it.
_NEWEST_PRICES = sa.select(_prices).order_by(_prices.c.version.desc()).limit(1)
_PRICES = sa.select(_prices).where(_prices.c.version == sa.bindparam("of_version"))
_ALL_BUDGETS = sa.select(_budgets).order_by(_budgets.c.name)
_BUDGETS = _ALL_BUDGETS.where(_budgets.c.name.in_(sa.bindparam("names", expanding=True)))
_KINDS = sa.select(_account.c.permit, _account.c.kind).where(
    _account.c.permit.in_(sa.bindparam("permits", expanding=True))
)
_SUMS = (
    sa.select(_balances.c.budget, sa.func.sum(_balances.c.reserved), sa.func.sum(_balances.c.spent))
    .where(
        _balances.c.budget.in_(sa.bindparam("names", expanding=True)),
        _balances.c.day >= sa.bindparam("since"),
    )
    .group_by(_balances.c.budget)
)


class SqlAccount:
    """See `Account`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events

    def prices(self, version: int | None = None) -> PriceList | None:
        """See `Account.prices`."""
        rows = (
            self._session.mappings(_NEWEST_PRICES)
            if version is None
            else self._session.mappings(_PRICES, of_version=version)
        )
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
        rows = (
            self._session.rows(_ALL_BUDGETS)
            if names is None
            else self._session.rows(_BUDGETS, names=list(names))
        )
        return [_budget(row) for row in rows]

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
        rows = [{name: getattr(entry, name) for name in _STORED} for entry in entries]
        # The table holds an attempt to one entry of a kind.
        if insert_all_new(self._session, _account, rows) < len(rows):
            raise Conflict(
                "the account has one of these entries already: "
                + ", ".join(f"{one.kind} of {one.permit}" for one in entries[:4]),
                remedy="It was done before; nothing is left to do.",
            )
        self._move_balances(entries)
        moved = [
            {"permit": one.permit, "kind": one.kind, "micros": one.micros, "project": one.project}
            for one in entries
        ]
        self._events.append("account.moved", "account", entries=moved)

    def _move_balances(self, entries: Sequence[Entry]) -> None:
        moves: defaultdict[tuple[str, datetime], list[int]] = defaultdict(lambda: [0, 0])
        for entry in entries:
            reserved, spent = _effect(entry)
            for budget in entry.budgets:
                moves[budget, entry.day][0] += reserved
                moves[budget, entry.day][1] += spent
        rows: list[dict[str, object]] = [
            {"budget": budget, "day": day, "reserved": reserved, "spent": spent}
            for (budget, day), (reserved, spent) in sorted(moves.items())
        ]
        if rows:
            self._session.write(_move(self._session.dialect), rows)

    def balances(self, since: Mapping[str, datetime]) -> dict[str, Balance]:
        """See `Account.balances`."""
        found = {name: Balance() for name in since}
        if not since:
            return found
        alike: defaultdict[datetime, list[str]] = defaultdict(list)
        for name, day in since.items():
            alike[day].append(name)
        for day, names in alike.items():  # one question for each kind of period
            for name, reserved, spent in self._session.rows(_SUMS, names=names, since=day):
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

    def reserved(self, permits: Sequence[str]) -> set[str]:
        """See `Account.reserved`."""
        return {
            permit
            for piece in chunked(permits)
            for permit, kind in self._session.rows(_KINDS, permits=piece)
            if kind == "reserve"
        }

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


@cache
def _move(dialect: str) -> Any:
    """Return the statement that adds to balances, from nothing where there is none yet."""
    statement = insert_for(dialect, _balances)
    return statement.on_conflict_do_update(
        index_elements=list(_balances.primary_key.columns),
        set_={
            "reserved": _balances.c.reserved + statement.excluded.reserved,
            "spent": _balances.c.spent + statement.excluded.spent,
        },
    )


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
