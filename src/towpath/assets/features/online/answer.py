"""What an online look-up answers: values, how each of them came about, and how old they are."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, cast

import msgspec
import polars as pl

from towpath.assets.datasets.schema import POLARS_TYPES
from towpath.core.clock import from_micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from towpath.assets.datasets.schema import ColumnType


class Presence(IntEnum):
    """Why a value is what it is; the numbers of Feast's `FieldStatus`."""

    NOT_FOUND = 1
    PRESENT = 2
    NULL_VALUE = 3
    OUTSIDE_MAX_AGE = 4


class Looked(msgspec.Struct, frozen=True):
    """What one lookup found.

    Attributes:
        view: The view that was looked into.
        names: The features' names, as the lookup calls them.
        types: Their types.
        columns: Their values, by feature and row; None where nothing may be said.
        times_us: By row, when the observation was true, microseconds; None where there is none.
        presence: By row: `PRESENT`, `NOT_FOUND` or `OUTSIDE_MAX_AGE`.
    """

    view: str
    names: Sequence[str]
    types: Sequence[str]
    columns: Sequence[list[Any]]
    times_us: Sequence[int | None]
    presence: Sequence[Presence]

    def presence_of(self, at: int) -> list[Presence]:
        """Return why each value of a feature is what it is."""
        return [
            Presence.NULL_VALUE if value is None and there is Presence.PRESENT else there
            for value, there in zip(self.columns[at], self.presence, strict=True)
        ]


class OnlineRows(msgspec.Struct, frozen=True, kw_only=True):
    """The features of the entities that were asked for, one row each, in order.

    Attributes:
        count: How many rows.
        entities: What the caller gave, by column: the entities and the request.
        looked: What each lookup found.
        computed: What on-demand transformations made of it, by feature; they come after the rest.
    """

    count: int
    entities: Mapping[str, Sequence[Any]]
    looked: Sequence[Looked]
    computed: Mapping[str, list[Any]] = msgspec.field(default_factory=dict)

    def columns(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield the features' names and values: looked up, then computed."""
        for one in self.looked:
            yield from zip(one.names, one.columns, strict=True)
        yield from self.computed.items()

    def to_dict(self) -> dict[str, list[Any]]:
        """Return every column by name, the caller's first."""
        found = {name: list(values) for name, values in self.entities.items()}
        for one in self.looked:
            found.update(zip(one.names, one.columns))  # noqa: B905 -- alike, and to check costs more
        found.update(self.computed)
        return found

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one mapping per row."""
        found = self.to_dict()
        return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]

    def to_polars(self) -> pl.DataFrame:
        """Return a frame of the features, typed as in training."""
        typed = [
            pl.Series(name, values, dtype=POLARS_TYPES[cast("ColumnType", kind)])
            for one in self.looked
            for name, kind, values in zip(one.names, one.types, one.columns, strict=True)
        ]
        return pl.DataFrame([*typed, *(pl.Series(k, v) for k, v in self.computed.items())])

    def times(self) -> dict[str, list[datetime | None]]:
        """Return, by looked-up feature, when each row's observation was true."""
        return {
            name: [None if at is None else from_micros(at) for at in one.times_us]
            for one in self.looked
            for name in one.names
        }

    def presence(self) -> dict[str, list[Presence]]:
        """Return, by looked-up feature, why each value is what it is."""
        return {
            name: one.presence_of(at) for one in self.looked for at, name in enumerate(one.names)
        }
