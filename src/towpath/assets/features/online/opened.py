"""A table as of one generation: how it is asked, and how what it answers is read."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from towpath.assets.features.online.answer import Looked, Presence
from towpath.assets.features.online.keys import KeyEncoder
from towpath.assets.features.online.rows import RowCodec
from towpath.core.errors import IntegrityError, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.features.declaration import Lookup
    from towpath.assets.features.online.table import OnlineTable

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


class Pick(NamedTuple):
    """Which of a table's features a query wants, and under which names."""

    places: tuple[int, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    everything: bool


class Opened:
    """A table as of one generation: how to ask it, and how to read what it answers."""

    def __init__(self, generation: str, table: OnlineTable) -> None:
        self.generation = generation
        self.table = table
        self.view = table.view
        self.entity = table.declared.entity
        self.entity_types = dict(table.entity)
        self.ttl_us = table.ttl_us
        declared = table.declared
        self.subject = (table.subject_at, declared.subject_field, declared.subject_hashed)
        self.of_subjects = table.subject_at is not None and declared.subject_field is not None
        self.kinds = tuple(kind for _, kind in table.entity)
        self.rows = RowCodec(table)
        self._keys = KeyEncoder(table.entity)

    def keys(self, entities: Sequence[Sequence[Any]]) -> list[bytes]:
        """Return the keys of entities, given by column; one with a missing value has nobody's."""
        return self._keys.encode(entities, missing=_NOBODY)

    def pick(self, query: TableQuery) -> Pick:
        """Return where the features that a query wants are.

        Raises:
            NotFound: The table has no such feature.
        """
        features = self.table.features
        known = {name: at for at, (name, _) in enumerate(features)}
        names = query.features or tuple(known)
        for name in names:
            if name not in known:
                raise NotFound.named(f"feature of {query.view!r}", name, known)
        places = tuple(known[name] for name in names)
        return Pick(
            places,
            tuple(f"{query.prefix}{name}" for name in names),
            tuple(features[place][1] for place in places),
            places == tuple(range(len(features))),
        )

    def read(self, pick: Pick, values: Sequence[bytes | None], at_us: int) -> Looked:
        """Unpack what was found, and leave out what is too old at a moment.

        Raises:
            IntegrityError: A row is not what was written.
        """
        oldest_us = _NEVER_US if self.ttl_us is None else at_us - self.ttl_us
        try:
            if len(values) == 1 and values[0] is not None:  # what serving mostly asks for
                places, names, types, everything = pick
                time_us, cells = self.rows.unpack(values[0])
                if time_us >= oldest_us:
                    if not everything:
                        cells = [cells[place] for place in places]
                    columns = [[cell] for cell in cells]
                    return Looked(self.view, names, types, columns, [time_us], [_PRESENT])
            if len(values) <= _ROW_BY_ROW:
                times, columns = self._row_by_row(values, pick)
            else:
                times, columns = self.rows.unpack_all(values, pick.places)
        except (struct.error, ValueError, OverflowError) as error:
            raise IntegrityError(
                f"the online rows of {self.view!r} are damaged",
                remedy="Materialise it again: everything in it can be made again.",
                view=self.view,
            ) from error
        return self._judged(pick, values, times, columns, oldest_us)

    def _judged(
        self,
        pick: Pick,
        values: Sequence[bytes | None],
        times: list[int],
        columns: list[list[Any]],
        oldest_us: int,
    ) -> Looked:
        """Say of each row whether it is there, and leave out what was true before `oldest_us`."""
        if None not in values and min(times, default=0) >= oldest_us:
            presence = [_PRESENT] * len(times)
            return Looked(self.view, pick.names, pick.types, columns, times, presence)
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
        return Looked(self.view, pick.names, pick.types, columns, stamps, presence)

    def _row_by_row(
        self, values: Sequence[bytes | None], pick: Pick
    ) -> tuple[list[int], list[list[Any]]]:
        times: list[int] = []
        rows: list[Sequence[Any]] = []
        for value in values:
            if value is None:
                times.append(0)
                rows.append([None] * len(pick.places))
                continue
            time_us, cells = self.rows.unpack(value)
            times.append(time_us)
            rows.append(cells if pick.everything else [cells[place] for place in pick.places])
        return times, [list(column) for column in zip(*rows, strict=True)] or [
            [] for _ in pick.places
        ]
