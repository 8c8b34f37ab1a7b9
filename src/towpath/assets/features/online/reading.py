"""The read path: entities to keys, one look-up of the store, rows to values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

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
    from towpath.storage.online import OnlineStore

_ATTEMPTS = 32  # each table that has a new generation takes one
_NOBODY = b"!"
"""A key that no entity has."""

_NOT_FOUND, _PRESENT, _OUTSIDE = Presence.NOT_FOUND, Presence.PRESENT, Presence.OUTSIDE_MAX_AGE
_NEVER_US = -(1 << 63)
_ROW_BY_ROW = 4
"""Up to so many rows are unpacked one by one: for more, column by column is cheaper."""


class TableQuery(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
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


class _Pick(NamedTuple):
    """Which of a table's features a query wants."""

    places: tuple[int, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    everything: bool


class Opened:
    """A table as of one generation: how to ask it, and how to read what it answers."""

    def __init__(self, generation: str, table: OnlineTable) -> None:
        self.generation = generation
        self.table = table
        self.entity = table.declared.entity
        self.ttl_us = table.ttl_us
        self.subject_at = table.subject_at
        self.kinds = tuple(kind for _, kind in table.entity)
        self.rows = RowCodec(table)
        self._keys = KeyEncoder(table.entity)
        self._features = table.features
        self._picks: dict[TableQuery, _Pick] = {}

    def keys(self, entities: Sequence[Sequence[Any]]) -> list[bytes]:
        """Return the keys of entities, given by column; one with a missing value has nobody's."""
        return self._keys.encode(entities, missing=_NOBODY)

    def read(self, query: TableQuery, values: Sequence[bytes | None], at_us: int) -> Looked:
        """Unpack what was found, and leave out what is too old at a moment.

        Raises:
            NotFound: The table has no such feature.
        """
        pick = self._picks.get(query) or self._pick(query)
        if len(values) <= _ROW_BY_ROW:
            times, columns = self._row_by_row(values, pick)
        else:
            times, columns = self.rows.unpack_all(values, pick.places)
        oldest_us = _NEVER_US if self.ttl_us is None else at_us - self.ttl_us
        if None not in values and min(times, default=0) >= oldest_us:
            presence = [_PRESENT] * len(times)
            return Looked(query.view, pick.names, pick.types, columns, times, presence)
        presence: list[Presence] = []
        stamps: list[int | None] = []
        for row, (value, time_us) in enumerate(zip(values, times, strict=True)):
            stamps.append(None if value is None else time_us)
            if value is None:
                presence.append(_NOT_FOUND)
            elif time_us >= oldest_us:
                presence.append(_PRESENT)
            else:
                presence.append(_OUTSIDE)
                for column in columns:
                    column[row] = None
        return Looked(query.view, pick.names, pick.types, columns, stamps, presence)

    def _pick(self, query: TableQuery) -> _Pick:
        known = {name: at for at, (name, _) in enumerate(self._features)}
        names = query.features or tuple(known)
        for name in names:
            if name not in known:
                raise NotFound.named(f"feature of {query.view!r}", name, known)
        places = tuple(known[name] for name in names)
        pick = self._picks[query] = _Pick(
            places,
            tuple(f"{query.prefix}{name}" for name in names),
            tuple(self._features[place][1] for place in places),
            places == tuple(range(len(self._features))),
        )
        return pick

    def _row_by_row(
        self, values: Sequence[bytes | None], pick: _Pick
    ) -> tuple[list[int], list[list[Any]]]:
        times: list[int] = []
        rows: list[Sequence[Any]] = []
        for value in values:
            if value is None:
                times.append(0)
                rows.append([None] * len(pick.places))
                continue
            times.append(self.rows.time_us(value))
            cells = self.rows.unpack(value)
            rows.append(cells if pick.everything else [cells[place] for place in pick.places])
        return times, [list(column) for column in zip(*rows, strict=True)] or [
            [] for _ in pick.places
        ]


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
        self, queries: Sequence[TableQuery], columns: Mapping[str, Sequence[Any]], *, at_us: int
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
            Conflict: A table was replaced again and again.
        """
        count = _count(columns)
        for _ in range(_ATTEMPTS):
            opened: list[Opened] = []
            asked: list[tuple[str, list[bytes]]] = []
            known: dict[tuple[Any, ...], list[bytes]] = {}  # views of one entity have the same keys
            for query in queries:
                table = self._opened.get(query.view) or self.refresh(query.view)
                alike = (query.by or table.entity, table.kinds, table.subject_at)
                keys = known.get(alike)
                if keys is None:
                    keys = known[alike] = self._keys(query, table, columns)
                opened.append(table)
                asked.append((query.view, keys))
            looked: list[Looked] = []
            for query, table, found in zip(queries, opened, self._store.read(asked), strict=True):
                if found.generation != table.generation:
                    self.refresh(query.view)
                    break
                looked.append(table.read(query, found.values, at_us))
            else:
                return OnlineRows(count=count, entities=columns, looked=looked)
        raise Conflict(
            "the online tables changed faster than they can be read", remedy="Try again."
        )

    def _keys(
        self, query: TableQuery, opened: Opened, columns: Mapping[str, Sequence[Any]]
    ) -> list[bytes]:
        by = query.by or opened.entity
        for name in by:
            if name not in columns:
                raise NotFound.named("entity column", name, columns)
        entities = [columns[name] for name in by]
        if opened.subject_at is not None:
            self._refuse_withdrawn(opened, entities)
        return opened.keys(entities)

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
