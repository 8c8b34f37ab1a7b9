"""Profiles of data-set versions: how values are spread, and what goes together."""

from __future__ import annotations

from dataclasses import dataclass

from towpath.server.resources.quality import PersonalMark


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a column's distribution: a range of numbers, or one value.

    Attributes:
        label: The value, for columns of words; empty for ranges.
        since: Lower edge of the range; None where it is open or where the bar is a value.
        until: Upper edge of the range.
    """

    label: str
    since: float | None
    until: float | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """How one column's values are spread.

    Attributes:
        kind: `number`, `category`, `time` or `hidden` (personal columns show counts only).
        distinct: Estimated number of different values.
        mean: Of numbers; None otherwise. `sd` their standard deviation.
        outliers: Values beyond the fences; None where there are none to lie beyond.
        fences: The bounds that outliers lie beyond.
        mark: What the column's values look like, where they look personal and nobody said so.
        bars: The distribution, coarse enough to draw.
    """

    name: str
    type: str
    kind: str
    description: str
    count: int
    nulls: int
    distinct: int | None
    mean: float | None
    sd: float | None
    outliers: int | None
    fences: list[float] | None
    mark: PersonalMark | None
    quantiles: dict[str, float]
    bars: list[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How strongly two columns go together.

    Attributes:
        measure: `rank correlation` (−1 to 1) of two numbers, `correlation ratio` (0 to 1) of a number
            and a category, `cramer's v` (0 to 1) of two categories.
        linear: Pearson's r of two numbers; None otherwise.
        rows: How many drawn rows have both values.
    """

    one: str
    two: str
    measure: str
    value: float
    linear: float | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetProfile:
    """The profile that a version's commit computed.

    Attributes:
        repeated: Estimated share of rows that repeat another in everything but the key; None where it
            was not estimated.
        associations: Which columns go together, over drawn rows, strongest first.
        missing_together: Which columns lack values in the same rows.
    """

    ref: str
    rows: int
    repeated: float | None
    associations: list[Association]
    missing_together: list[Association]
    columns: list[ColumnProfile]
