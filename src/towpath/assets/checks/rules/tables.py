"""Rules about rows as a whole: how many, how new, how they are on average."""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003  fields of dataclasses
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

import polars as pl

from towpath.assets.checks.contract import Measured, Rule, TableRule, Tally
from towpath.assets.checks.rules.values import spell
from towpath.core.clock import from_micros, to_micros
from towpath.core.durations import format_duration, parse_duration

if TYPE_CHECKING:
    from towpath.assets.checks.contract import Policy, Surroundings

Statistics: TypeAlias = Literal["mean", "sd", "min", "max", "sum"]
_STATISTICS = ("mean", "sd", "min", "max", "sum")
_QUARANTINE = (
    "Choose policy='refuse' or 'warn': it is about rows as a whole, not about single ones."
)


@dataclass(frozen=True, slots=True)
class RowCount(TableRule):
    """How many rows there are: of a commit those that it brings, of a stored version all.

    Attributes:
        at_least: The fewest allowed; None for no bound.
        at_most: The most allowed.
    """

    at_least: int | None = None
    at_most: int | None = None

    @property
    def says(self) -> str:
        """`at least 1,000 rows`."""
        return f"{_bounds(self.at_least, self.at_most)} rows"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns)
        _check_whole(self)
        _check_bounds(self, self.at_least, self.at_most)

    def tally(self, rows: pl.DataFrame, around: Surroundings) -> Tally:
        """Count."""
        del around
        return {"rows": rows.height}

    def add(self, one: Tally, two: Tally) -> Tally:
        """Add counts up."""
        return {"rows": one["rows"] + two["rows"]}

    def measure(self, tally: Tally, around: Surroundings) -> Measured:
        """Compare the count with the bounds."""
        del around
        rows = tally["rows"]
        return Measured(
            kept=_within(rows, self.at_least, self.at_most),
            words=f"has {rows:,.0f} rows, not {_bounds(self.at_least, self.at_most)}",
            value=rows,
        )


@dataclass(frozen=True, slots=True)
class Fresh(TableRule):
    """The newest row is no older than a span. No rows break nothing; `RowCount` asks for some.

    Attributes:
        within: The span, such as `2d`, before the moment of the judgement.
        column: The time column; by default the data set's.
        policy: A stale commit is still a commit, so this one warns unless told otherwise.
    """

    within: str | timedelta
    column: str | None = None
    policy: Policy = field(default="warn", kw_only=True)

    def __post_init__(self) -> None:
        """Read the span."""
        object.__setattr__(self, "within", parse_duration(self.within))

    @property
    def says(self) -> str:
        """`newest row within 2d`."""
        return f"newest {self.column or 'row'} within {self._within}"

    @property
    def _within(self) -> str:
        return format_duration(parse_duration(self.within))

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, *([] if self.column is None else [self.column]))
        _check_whole(self)
        if self.column is not None and columns[self.column] != pl.Datetime:
            self.refuse(f"column {self.column!r} holds {columns[self.column]}, not times")

    def tally(self, rows: pl.DataFrame, around: Surroundings) -> Tally:
        """Note the newest time."""
        column = self.column or around.time
        if column is None:
            self.refuse("the data set has no time column", "Name one: Fresh('2d', 'updated').")
        newest = rows.get_column(column).max()
        return {} if newest is None else {"newest": float(to_micros(newest))}  # pyright: ignore[reportArgumentType]  # a column of times has a time as its maximum

    def add(self, one: Tally, two: Tally) -> Tally:
        """Keep the newer."""
        return (
            {"newest": max(tally["newest"] for tally in (one, two))} if one and two else one or two
        )

    def measure(self, tally: Tally, around: Surroundings) -> Measured:
        """Compare the newest time with the moment of the judgement."""
        if "newest" not in tally:
            return Measured(kept=True, words="", value=None)
        age = around.at - from_micros(int(tally["newest"]))
        old = format_duration(_rounded(age))
        return Measured(
            kept=age <= parse_duration(self.within),
            words=f"is {old} old at its newest, not within {self._within}",
            value=age.total_seconds(),
        )


@dataclass(frozen=True, slots=True)
class Statistic(TableRule):
    """A statistic of a column's values lies between bounds, both inclusive; missing ones don't count.

    Attributes:
        column: A column of numbers or truth values (true counts 1).
        of: `mean`, `sd` (n - 1 in the denominator), `min`, `max` or `sum`: those that add up over
            pieces.
        at_least: The least allowed; None for no bound.
        at_most: The most allowed.
    """

    column: str
    of: Statistics
    at_least: float | None = None
    at_most: float | None = None

    @property
    def says(self) -> str:
        """`mean of delay between -5 and 60`."""
        return f"{self.of} of {self.column} {_bounds(self.at_least, self.at_most)}"

    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """See `Rule.check`."""
        self.require(columns, self.column)
        _check_whole(self)
        _check_bounds(self, self.at_least, self.at_most)
        if self.of not in _STATISTICS:
            self.refuse(f"there is no statistic {self.of!r}", f"Use {', '.join(_STATISTICS)}.")
        if not columns[self.column].is_numeric() and columns[self.column] != pl.Boolean:
            self.refuse(f"column {self.column!r} holds {columns[self.column]}, not numbers")

    def tally(self, rows: pl.DataFrame, around: Surroundings) -> Tally:
        """Count, sum up, and sum squared deviations from the piece's own mean."""
        del around
        values = rows.get_column(self.column).drop_nulls().cast(pl.Float64)
        if values.is_empty():
            return {}
        numbers = values.to_numpy()
        mean = float(numbers.mean())
        return {
            "count": values.len(),
            "mean": mean,
            "spread": float(((numbers - mean) ** 2).sum()),
            "min": float(numbers.min()),
            "max": float(numbers.max()),
        }

    def add(self, one: Tally, two: Tally) -> Tally:
        """Pool moments (Chan, Golub and LeVeque, 1979) and extremes."""
        if not one or not two:
            return one or two
        count = one["count"] + two["count"]
        apart = two["mean"] - one["mean"]
        share = two["count"] / count
        return {
            "count": count,
            "mean": one["mean"] + apart * share,
            "spread": one["spread"] + two["spread"] + apart**2 * one["count"] * share,
            "min": min(one["min"], two["min"]),
            "max": max(one["max"], two["max"]),
        }

    def measure(self, tally: Tally, around: Surroundings) -> Measured:
        """Compare the statistic with the bounds."""
        del around
        value = self._value(tally)
        if value is None:
            return Measured(kept=True, words="", value=None)
        wanted = _bounds(self.at_least, self.at_most)
        return Measured(
            kept=_within(value, self.at_least, self.at_most),
            words=f"has a {self.of} of {self.column} of {value:,.6g}, not {wanted}",
            value=value,
        )

    def _value(self, tally: Tally) -> float | None:
        if not tally:
            return None
        match self.of:
            case "sum":
                return tally["mean"] * tally["count"]
            case "sd":
                freedom = tally["count"] - 1
                return math.sqrt(tally["spread"] / freedom) if freedom else None
            case _:
                return tally[self.of]


def _rounded(age: timedelta) -> timedelta:
    """Return a span in whole units of the largest one that it has two of, so that it reads well."""
    for unit in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        if age >= 2 * unit:
            return age // unit * unit
    return timedelta(seconds=max(1, round(age.total_seconds())))


def _check_whole(rule: Rule) -> None:
    if rule.policy == "quarantine":
        rule.refuse("its policy is 'quarantine'", _QUARANTINE)
    if rule.tolerance:
        rule.refuse("it has a tolerance", "Widen its bounds instead.")


def _check_bounds(rule: Rule, least: float | None, most: float | None) -> None:
    if least is None and most is None:
        rule.refuse("it has no bound", "Give it at_least=…, at_most=… or both.")
    if least is not None and most is not None and least > most:
        rule.refuse("nothing can be between its bounds", "Swap them.")


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _bounds(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {spell(least)}"
    return (
        f"at most {spell(most)}" if least is None else f"between {spell(least)} and {spell(most)}"
    )
