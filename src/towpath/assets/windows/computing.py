"""Computes aggregates over windows: each row that asks gets those of its own window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.windows.contract import AS_OF, type_of
from towpath.assets.windows.reducing import Spans, reduce_spans
from towpath.assets.windows.scale import TimeScale
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from towpath.assets.windows.contract import WindowSpec

    Whole: TypeAlias = NDArray[np.int64]

_CODE = "__entity_code"
_WEEK_US = 7 * 86_400_000_000
_MONDAY_US = 4 * 86_400_000_000  # 1970-01-05
_ROWS_AT_ONCE = 250_000


def add_windows(
    rows: pl.DataFrame, events: pl.DataFrame, spec: WindowSpec, *, time: str
) -> pl.DataFrame:
    """Return rows with a window's features, as of each row's own time, in the rows' order.

    An entity without events in the window has counts and sums of 0, and no mean, extreme or value. A
    row without time or entity knows nothing at all. Events without time or entity never count. Of
    events of equal time the later one in `events` is the last.

    Sorts the events once and finds each row's window by binary search; then the cost is that of the
    events in all windows together, at a few nanoseconds each. Windows into which an event fell that
    was not known yet cost some hundred nanoseconds per event of theirs.

    Raises:
        NotFound: A column is missing.
        UsageError: The rows have a column already that would be added.
    """
    _require(rows, [*spec.entity, time])
    _require(events, spec.columns)
    for one in spec.aggregates:
        if one.name in rows.columns:
            raise UsageError(
                f"the rows already have a column {one.name!r}, which the window would add",
                remedy="Rename or drop it first.",
            )
    asked = pl.all_horizontal(pl.col(*spec.entity, time).is_not_null())
    knows = rows.select(asked.alias("knows")).to_series()
    known = events.filter(pl.all_horizontal(pl.col(*spec.entity, spec.time).is_not_null()))
    told = rows.filter(knows)
    ends = _floored(_micros(told[time]), spec.every_us)
    ordered = _Ordered.of(known, spec)
    features = pl.concat(
        ordered.features(told.slice(begin, _ROWS_AT_ONCE), ends[begin : begin + _ROWS_AT_ONCE])
        for begin in range(0, max(1, told.height), _ROWS_AT_ONCE)
    )
    places = knows.cast(pl.Int64).cum_sum() - 1
    chosen = pl.select(pl.when(knows).then(places).otherwise(None).cast(pl.UInt32)).to_series()
    return rows.with_columns(features.select(pl.all().gather(pl.lit(chosen))).get_columns())


def tumble(events: pl.DataFrame, spec: WindowSpec) -> pl.DataFrame:
    """Return the features at each multiple of `every` at which an entity's window changes.

    Raises:
        NotFound: A column is missing.
        UsageError: The window has no `every`.
    """
    every = spec.every_us
    if every is None:
        raise UsageError(
            "a window that moves with each row is no table",
            remedy="Say in which steps: every='1d'.",
        )
    _require(events, spec.columns)
    known = events.filter(pl.all_horizontal(pl.col(*spec.entity, spec.time).is_not_null()))
    # An event counts in the windows that end after it, up to a length later, and is gone at the next.
    first = _floored(_micros(known[spec.time]), every) + every
    steps = -(-spec.length_us // every) + 1
    moments = (
        known.select(spec.entity)
        .with_columns(pl.Series(AS_OF, first))
        .unique()
        .with_columns(pl.lit(list(range(0, steps * every, every))).alias("step"))
        .explode("step", empty_as_null=True, keep_nulls=True)
        .select(*spec.entity, (pl.col(AS_OF) + pl.col("step")).cast(pl.Datetime("us")))
        .with_columns(pl.col(AS_OF).dt.replace_time_zone("UTC"))
        .unique()
        .sort(*spec.entity, AS_OF)
    )
    return add_windows(moments, known, spec, time=AS_OF)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ordered:
    """Events in order of entity and time, to look windows up in.

    Attributes:
        events: The events, in their own order.
        spec: The window.
        entities: The entities that have events, numbered.
        order: `(m,) int64`: the events' places, by entity and time.
        keys: `(m,) int64`, ascending: entity and time as one number, in that order.
        scale: How times become part of it.
        known_at: `(m,) int64`: when they became known; None for at once.
    """

    events: pl.DataFrame
    spec: WindowSpec
    entities: pl.DataFrame
    order: Whole
    keys: Whole
    scale: TimeScale
    known_at: Whole | None

    @classmethod
    def of(cls, events: pl.DataFrame, spec: WindowSpec) -> Self:
        entities = events.select(spec.entity).unique(maintain_order=True).with_row_index(_CODE)
        times = _micros(events[spec.time])
        scale = TimeScale.of(times, entities=entities.height)
        keys = scale.keys(_codes(events, entities), times)
        order = np.argsort(keys, kind="stable")
        known_at = None
        if spec.created is not None:
            known_at = np.maximum(times, _micros(events[spec.created]))[order]
        return cls(
            events=events,
            spec=spec,
            entities=entities,
            order=order,
            keys=keys[order],
            scale=scale,
            known_at=known_at,
        )

    def features(self, rows: pl.DataFrame, ends: Whole) -> pl.DataFrame:
        """Return the features of rows whose windows end at given moments."""
        wanted, events = _codes(rows, self.entities), self.events
        begin = np.searchsorted(self.keys, self.scale.keys(wanted, ends - self.spec.length_us))
        end = np.searchsorted(self.keys, self.scale.keys(wanted, ends))
        spans = Spans(order=self.order, begin=begin, end=end)
        if self.known_at is not None:
            spans = spans.known(self.known_at, by=ends)
        return pl.DataFrame(
            [
                reduce_spans(
                    spans,
                    None if one.column is None else events[one.column],
                    one.function,
                    type_of(one, None if one.column is None else events.schema[one.column]),
                ).alias(one.name)
                for one in self.spec.aggregates
            ]
        )


def _codes(frame: pl.DataFrame, entities: pl.DataFrame) -> Whole:
    """Return each row's entity's number; one that has no events gets a number of its own."""
    names = entities.columns[1:]
    joined = frame.select(names).join(entities, on=names, how="left", maintain_order="left")
    return joined[_CODE].cast(pl.Int64).fill_null(entities.height).to_numpy()


def _floored(moments: Whole, every_us: int | None) -> Whole:
    if every_us is None:
        return moments
    origin = _MONDAY_US if every_us % _WEEK_US == 0 else 0
    return (moments - origin) // every_us * every_us + origin


def _micros(times: pl.Series) -> Whole:
    """Return times as microseconds; null means since for ever."""
    whole = times.cast(pl.Datetime("us")) if times.dtype == pl.Date else times
    return whole.dt.timestamp("us").fill_null(np.iinfo(np.int64).min).to_numpy()


def _require(frame: pl.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in frame.columns:
            raise NotFound.named("column", column, frame.columns)
