"""Observations put in the order in which they are found: by entity, then time, then `created`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.features.shape import TIME, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole: TypeAlias = NDArray[np.int64]

START = "start"
_ENTITY, _FEATURE = "entity.", "feature."
_LONG_AGO = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """Observations in order, each entity's in one run. Immutable; may lie in memory-mapped files.

    Attributes:
        shape: What they are observations of.
        directory: One row per entity, ascending: its columns (`entity.NAME`) and where its run begins
            (`start`).
        observations: `time`, `created` and `feature.NAME` of each, in order. Where the shape has a
            `created`, also `known_at`, each run's moments from which something new was known,
            ascending; and `best`, the place of the observation that is preferred from that moment on.
    """

    shape: Shape
    directory: pl.DataFrame
    observations: pl.DataFrame

    @property
    def rows(self) -> int:
        """How many observations there are."""
        return self.observations.height

    @property
    def entities(self) -> pl.DataFrame:
        """The directory's entities, under the shape's names."""
        return self.directory.select(
            pl.col(f"{_ENTITY}{name}").alias(name) for name in self.shape.entity_names
        )

    @cached_property
    def bounds(self) -> Whole:
        """Where each entity's run begins, and last of all where the last one ends."""
        return np.append(self.directory[START].to_numpy(), self.rows).astype(np.int64)

    @cached_property
    def time(self) -> Whole:
        """When each observation was true, in microseconds."""
        return _micros(self.observations["time"])

    @cached_property
    def created(self) -> Whole | None:
        """When each became known, in microseconds; long ago where it does not say."""
        return None if self.shape.created is None else _micros(self.observations["created"])

    @cached_property
    def known_at(self) -> Whole:
        """The moments, ascending in each run, from which something new was known."""
        return self.time if self.shape.created is None else _micros(self.observations["known_at"])

    def best(self, places: Whole) -> Whole:
        """Return the place of the observation that is preferred at each of those moments."""
        if self.shape.created is None:
            return places
        return self.observations["best"].gather(places).to_numpy().astype(np.int64)

    def gather(self, places: pl.Series, features: tuple[str, ...]) -> list[pl.Series]:
        """Return features of the observations at these places; null for a null place."""
        columns = [pl.col(f"{_FEATURE}{name}").gather(pl.lit(places)) for name in features]
        return self.observations.select(columns).get_columns()

    def to_rows(self) -> pl.DataFrame:
        """Return the observations as rows of the source, in order, without the rest of its key."""
        runs = np.repeat(np.arange(self.directory.height), np.diff(self.bounds))
        entity = self.entities.select(pl.all().gather(pl.lit(pl.Series(runs))))
        shape = self.shape
        stamps = {shape.time: "time"}
        if shape.created is not None:
            stamps[shape.created] = "created"
        own = {name: f"{_FEATURE}{name}" for name in shape.feature_names} | stamps
        rest = self.observations.select(pl.col(theirs).alias(name) for name, theirs in own.items())
        return pl.concat([entity, rest], how="horizontal")


def arrange(shape: Shape, rows: pl.DataFrame, *, ties: tuple[str, ...] | None = None) -> Arranged:
    """Put rows of a source in order.

    Rows without entity or time can't be found and are left out. Of several with the same entity, time
    and `created`, only the preferred one can ever be the answer: the others are left out too.

    O(n log n); about three copies of the rows in memory.

    Args:
        shape: What the rows are.
        rows: The rows, with the shape's columns.
        ties: What tells rows of one entity, time and created apart, the largest being preferred; the
            shape's key unless given. With an empty one the last row is preferred.
    """
    entity, time, created = list(shape.entity_names), shape.time, shape.created
    stamps = [time] if created is None else [time, created]
    order = list(dict.fromkeys([*entity, *stamps, *(shape.key if ties is None else ties)]))
    found = _kept(rows, rows.select(pl.all_horizontal(pl.col(*entity, time).is_not_null())))
    found = found.sort(order, nulls_last=False, maintain_order=True)
    found = _kept(found, found.select(_differs([*entity, *stamps], -1)))
    first = _first_of(found, entity)
    starts = pl.Series(START, np.flatnonzero(first.to_numpy()), dtype=pl.UInt32)
    directory = found.select(
        pl.col(name).gather(pl.lit(starts)).alias(f"{_ENTITY}{name}") for name in entity
    ).with_columns(starts)
    observations = found.select(
        pl.col(time).alias("time"),
        *([] if created is None else [pl.col(created).alias("created")]),
        *(pl.col(name).alias(f"{_FEATURE}{name}") for name in shape.feature_names),
    )
    if created is not None:
        observations = observations.with_columns(_knowledge(found, first, time, created))
    return Arranged(shape=shape, directory=directory, observations=observations)


def nothing(shape: Shape) -> Arranged:
    """Return no observations, arranged."""
    return arrange(shape, shape.empty())


def _knowledge(found: pl.DataFrame, first: pl.Series, time: str, created: str) -> list[pl.Series]:
    """Return, per place, from when on something new was known, and what is preferred since then.

    The order of the rows is the order of preference, and runs lie one behind the other: so one running
    maximum over places says which is the best so far, and never carries over to the next run.
    """
    begins = first.to_numpy()
    known_at = np.maximum(_micros(found[time]), _micros(found[created]))
    late = (known_at[1:] < known_at[:-1]) & ~begins[1:]
    # Where nothing arrived out of its turn, as is usual, the order of time is the order of knowledge.
    order = np.lexsort((known_at, np.cumsum(begins))) if late.any() else np.arange(begins.size)
    return [
        pl.Series("known_at", known_at[order]).cast(TIME),
        pl.Series("best", np.maximum.accumulate(order) if order.size else order, dtype=pl.UInt32),
    ]


def _first_of(rows: pl.DataFrame, names: list[str]) -> pl.Series:
    """Tell which rows differ from the one before them."""
    return rows.select(_differs(names, 1)).to_series()


def _kept(rows: pl.DataFrame, which: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that a column of booleans keeps; mostly all, and then without a copy."""
    wanted = which.to_series()
    return rows if wanted.all() else rows.filter(wanted)


def _differs(names: list[str], by: int) -> pl.Expr:
    edge = pl.int_range(pl.len()) == (0 if by > 0 else pl.len() - 1)
    return edge | pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(name).shift(by)) for name in names
    )


def _micros(times: pl.Series) -> Whole:
    return times.to_physical().fill_null(_LONG_AGO).to_numpy()
