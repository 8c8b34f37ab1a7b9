"""The read path: entities to keys, one look-up of the store, rows to values."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from towpath.assets.features.online.opened import Opened
from towpath.assets.features.online.planning import Plan, count_of
from towpath.assets.features.online.table import decode_table
from towpath.core.errors import Conflict, NotFound, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from towpath.assets.features.online.answer import OnlineRows
    from towpath.assets.features.online.opened import TableQuery
    from towpath.storage.keys import Keyring
    from towpath.storage.online import LoopReads, OnlineStore

_ATTEMPTS = 32  # each table that has a new generation takes one
_PLANS_KEPT = 256


class OnlineReader:
    """Looks entities up in the tables of a store. Thread-safe.

    It needs nothing but the store: every table says what its rows mean, and is asked again when
    another generation answers.

    Args:
        store: Where the rows are.
        keyring: Hashes subjects.
        withdrawn: Returns the keyed hashes of subjects who have withdrawn; called on each look-up about
            subjects, and raises `Unavailable` where it is not known who that is.
    """

    def __init__(
        self, store: OnlineStore, keyring: Keyring, withdrawn: Callable[[], AbstractSet[str]]
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._withdrawn = withdrawn
        self._opened: dict[str, Opened] = {}
        self._plans: dict[tuple[TableQuery, ...], Plan] = {}

    def open(self, view: str) -> Opened:
        """Return a view's table as it was last seen.

        Raises:
            NotFound: The view has no online rows.
        """
        return self._opened.get(view) or self.refresh(view)

    def last_seen(self, view: str) -> Opened | None:
        """Return a view's table as it was last seen, without looking; None if it never was."""
        return self._opened.get(view)

    def refresh(self, view: str) -> Opened:
        """Look at a table again, and let go of files that it has left behind."""
        head = self._store.head(view)
        if head is None:
            self._opened.pop(view, None)
            raise NotFound(
                f"feature view {view!r} has no online rows",
                remedy="Materialise it: towpath feature materialize, or apply its project.",
                kind="feature view",
                name=view,
            )
        opened = self._opened.get(view)
        table = decode_table(head.body)
        if opened is None or opened.generation != head.generation or opened.table != table:
            opened = self._opened[view] = Opened(head.generation, table)
        return opened

    def in_loop(self) -> LoopReads:
        """Return the store's look-ups for the running event loop; see `OnlineStore.in_loop`."""
        return self._store.in_loop()

    def known(self) -> list[str]:
        """Return the tables that were opened."""
        return list(self._opened)

    def look_up(
        self, queries: tuple[TableQuery, ...], columns: Mapping[str, Sequence[Any]], *, at_us: int
    ) -> OnlineRows:
        """Return what is known of each entity at a moment.

        Args:
            queries: The look-ups; one round trip serves them all.
            columns: The entities by column, all of one length; others are passed through.
            at_us: The moment by which the time to live is judged.

        Raises:
            NotFound: A table, feature or column is missing.
            InvalidRequest: Columns differ in length, or a value is not of its column's type.
            Withdrawn: A row is about a subject that has withdrawn.
            Unavailable: The table is about subjects, and it is not known who has withdrawn.
            Conflict: A table was replaced again and again.
        """
        count = count_of(columns)
        for _ in range(_ATTEMPTS):
            plan = self._plans.get(queries) or self._planned(queries)
            found = self._store.read(plan.asked(columns, self._refuse_withdrawn))
            rows = plan.read(found, columns, count, at_us)
            if not isinstance(rows, str):
                return rows
            self._look_again(queries, rows)
        raise _unreadable()

    async def look_up_in_loop(
        self,
        reads: LoopReads,
        queries: tuple[TableQuery, ...],
        columns: Mapping[str, Sequence[Any]],
        *,
        at_us: int,
    ) -> OnlineRows:
        """Return what `look_up` returns, without holding up the event loop.

        Args:
            reads: The store's look-ups of this loop.
            queries: As for `look_up`.
            columns: As for `look_up`; some hundreds of rows, which are unpacked in the loop.
            at_us: As for `look_up`.

        Raises:
            TowpathError: As `look_up` does.
        """
        count = count_of(columns)
        for _ in range(_ATTEMPTS):
            plan = self._plans.get(queries) or await asyncio.to_thread(self._planned, queries)
            found = await reads.read(plan.asked(columns, self._refuse_withdrawn))
            rows = plan.read(found, columns, count, at_us)
            if not isinstance(rows, str):
                return rows
            await asyncio.to_thread(self._look_again, queries, rows)
        raise _unreadable()

    def _planned(self, queries: tuple[TableQuery, ...]) -> Plan:
        if len(self._plans) >= _PLANS_KEPT:  # callers may think of any selection
            self._plans.clear()
        plan = self._plans[queries] = Plan(queries, self.open)
        return plan

    def _look_again(self, queries: tuple[TableQuery, ...], view: str) -> None:
        """Let go of what is known of a table that another generation answers for."""
        self.refresh(view)
        self._plans.pop(queries, None)

    def _refuse_withdrawn(self, opened: Opened, entities: Sequence[Sequence[Any]]) -> None:
        place, field, hashed = opened.subject
        if place is None or field is None:
            return
        withdrawn = self._withdrawn()
        if not withdrawn:
            return
        for row, value in enumerate(entities[place]):
            if not isinstance(value, str):
                continue
            if (value if hashed else self._keyring.subject_hash(field, value)) in withdrawn:
                raise Withdrawn(
                    f"the subject of row {row} has withdrawn",
                    remedy="Leave the row out; nothing was looked up.",
                    row=row,
                )


def _unreadable() -> Conflict:
    return Conflict("the online tables changed faster than they can be read", remedy="Try again.")
