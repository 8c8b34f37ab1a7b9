"""The read path: entities to keys, one look-up of the store, rows to values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from towpath.assets.features.online.answer import Looked, OnlineRows, Presence
from towpath.assets.features.online.keys import KeyEncoder
from towpath.assets.features.online.rows import RowCodec
from towpath.assets.features.online.table import decode_table
from towpath.core.errors import Conflict, InvalidRequest, NotFound, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from towpath.assets.features.declaration import Lookup
    from towpath.assets.features.online.table import OnlineTable
    from towpath.storage.keys import Keyring
    from towpath.storage.online import Found, OnlineStore

_ATTEMPTS = 8
_ROW_BY_ROW = 4
"""Up to so many rows are unpacked one by one: for more, column by column is cheaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery:
    """What is asked of one table.

    Attributes:
        view: The table.
        by: The columns of the request that hold the entity, in the order of the view's entity; empty
            for the same names.
        features: The features; empty for all.
        prefix: Goes before their names.
    """

    view: str
    by: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    prefix: str = ""

    @classmethod
    def of(cls, lookup: Lookup) -> TableQuery:
        """Return what a lookup asks."""
        return cls(
            view=lookup.view.name, by=lookup.by, features=lookup.features, prefix=lookup.prefix
        )


class Opened:
    """A table as of one generation: how to ask it, and how to read what it answers."""

    def __init__(self, generation: str, table: OnlineTable) -> None:
        self.generation = generation
        self.table = table
        self.keys = KeyEncoder(table.entity)
        self.rows = RowCodec(table)
        self.ttl_us = table.ttl_us
        self.subject_at = table.subject_at
        self._places = {name: at for at, name in enumerate(table.declared.features)}
        self._types = [kind for _, kind in table.features]
        self._picks: dict[TableQuery, tuple[tuple[int, ...], tuple[str, ...]]] = {}

    def pick(self, wanted: TableQuery) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Return the places of the wanted features, and their names in the answer.

        Raises:
            NotFound: The table has no such feature.
        """
        known = self._picks.get(wanted)
        if known is None:
            names = wanted.features or self.table.declared.features
            for name in names:
                if name not in self._places:
                    raise NotFound.named(f"feature of {wanted.view!r}", name, self._places)
            places = tuple(self._places[name] for name in names)
            known = self._picks[wanted] = places, tuple(f"{wanted.prefix}{one}" for one in names)
        return known

    def read(self, wanted: TableQuery, values: Sequence[bytes | None], at_us: int) -> Looked:
        """Unpack what was found, and leave out what is too old at a moment."""
        places, names = self.pick(wanted)
        if len(values) <= _ROW_BY_ROW:
            times, columns = self._row_by_row(values, places)
        else:
            found, columns = self.rows.unpack_all(values, places)
            times = found.tolist()
        ttl_us = self.ttl_us
        presence: list[Presence] = []
        stamps: list[int | None] = []
        for row, (value, time_us) in enumerate(zip(values, times, strict=True)):
            if value is None:
                presence.append(Presence.NOT_FOUND)
                stamps.append(None)
            elif ttl_us is not None and at_us - time_us > ttl_us:
                presence.append(Presence.OUTSIDE_MAX_AGE)
                stamps.append(time_us)
                for column in columns:
                    column[row] = None
            else:
                presence.append(Presence.PRESENT)
                stamps.append(time_us)
        types = [self._types[place] for place in places]
        return Looked(wanted.view, names, types, columns, stamps, presence)

    def _row_by_row(
        self, values: Sequence[bytes | None], places: Sequence[int]
    ) -> tuple[list[int], list[list[Any]]]:
        times: list[int] = []
        columns: list[list[Any]] = [[] for _ in places]
        for value in values:
            if value is None:
                times.append(0)
                for column in columns:
                    column.append(None)
                continue
            times.append(self.rows.time_us(value))
            cells = self.rows.unpack(value)
            for column, place in zip(columns, places, strict=True):
                column.append(cells[place])
        return times, columns


class OnlineReader:
    """Looks entities up in the tables of a store. Thread-safe.

    It needs nothing but the store: every table says what its rows mean, and is asked again when
    another generation answers.

    Args:
        store: Where the rows are.
        keyring: Hashes subjects.
        withdrawn: Returns the keyed hashes of subjects who have withdrawn; called on each look-up.
    """

    def __init__(
        self, store: OnlineStore, keyring: Keyring, withdrawn: Callable[[], frozenset[str]]
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._withdrawn = withdrawn
        self._opened: dict[str, Opened] = {}

    @property
    def waits(self) -> bool:
        """Whether a look-up waits for a network."""
        return self._store.waits

    def open(self, view: str) -> Opened:
        """Return a view's table as it was last seen.

        Raises:
            NotFound: The view has no online rows.
        """
        return self._opened.get(view) or self.refresh(view)

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

    def known(self) -> list[str]:
        """Return the tables that were opened."""
        return list(self._opened)

    def look_up(
        self, wanted: Sequence[TableQuery], columns: Mapping[str, Sequence[Any]], *, at_us: int
    ) -> OnlineRows:
        """Return what is known of each entity at a moment.

        Args:
            wanted: The lookups; one round trip serves them all.
            columns: The entities by column, all of one length; others are passed through.
            at_us: The moment by which the time to live is judged.

        Raises:
            NotFound: A table, feature or column is missing.
            InvalidRequest: Columns differ in length, or a value is not of its column's type.
            Withdrawn: A row is about a subject that has withdrawn.
            Conflict: A table was replaced again and again.
        """
        count = _count(columns)
        for _ in range(_ATTEMPTS):
            opened = [self.open(one.view) for one in wanted]
            keys = [
                self._keys(one, table, columns) for one, table in zip(wanted, opened, strict=True)
            ]
            found = self._fetch(wanted, keys)
            stale = [
                one.view
                for one, table, answer in zip(wanted, opened, found, strict=True)
                if answer.generation != table.generation
            ]
            if not stale:
                looked = [
                    table.read(one, answer.values, at_us)
                    for one, table, answer in zip(wanted, opened, found, strict=True)
                ]
                return OnlineRows(count=count, entities=columns, looked=looked)
            for view in stale:
                self.refresh(view)
        raise Conflict(
            "the online tables changed faster than they can be read", remedy="Try again."
        )

    def _fetch(
        self, wanted: Sequence[TableQuery], keys: Sequence[Sequence[bytes | None]]
    ) -> Sequence[Found]:
        """Ask for all keys at once. A missing entity is asked for by a key that nothing can have."""
        return self._store.read(
            [
                (one.view, [_NOBODY if key is None else key for key in mine])
                for one, mine in zip(wanted, keys, strict=True)
            ]
        )

    def _keys(
        self, wanted: TableQuery, opened: Opened, columns: Mapping[str, Sequence[Any]]
    ) -> list[bytes | None]:
        by = wanted.by or opened.table.declared.entity
        for name in by:
            if name not in columns:
                raise NotFound.named("entity column", name, columns)
        entities = [columns[name] for name in by]
        self._refuse_withdrawn(opened, entities)
        return opened.keys.encode(entities)

    def _refuse_withdrawn(self, opened: Opened, entities: Sequence[Sequence[Any]]) -> None:
        declared = opened.table.declared
        if opened.subject_at is None or declared.subject_field is None:
            return
        withdrawn = self._withdrawn()
        if not withdrawn:
            return
        field, hashed = declared.subject_field, declared.subject_hashed
        for row, value in enumerate(entities[opened.subject_at]):
            if not isinstance(value, str):
                continue
            if (value if hashed else self._keyring.subject_hash(field, value)) in withdrawn:
                raise Withdrawn(
                    f"the subject of row {row} has withdrawn",
                    remedy="Leave the row out; nothing was looked up.",
                    row=row,
                )


_NOBODY = b"!"


def _count(columns: Mapping[str, Sequence[Any]]) -> int:
    """Return how many rows ask."""
    if not columns:
        return 0
    (first, values), *others = columns.items()
    for name, more in others:
        if len(more) != len(values):
            raise InvalidRequest(
                f"the column {first!r} has {len(values)} rows, and {name!r} has {len(more)}",
                remedy="Send one value per row in each.",
            )
    return len(values)
