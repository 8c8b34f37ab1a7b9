"""What differs between two versions of a data set: counts, never rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """A column that only one version has, or that they have otherwise; None where it is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanges:
    """How many rows differ, told apart by key.

    Attributes:
        columns: In how many of the changed rows each column differs.
        files_shared: Files that both versions have, and that were not compared.
    """

    added: int
    removed: int
    changed: int
    unchanged: int
    columns: dict[str, int]
    files_shared: int
    files_compared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShift:
    """How far a column's distribution has moved; None where a distance makes no sense.

    Attributes:
        js: Jensen–Shannon distance, 0 to 1.
        psi: Population stability index.
        ks: Kolmogorov–Smirnov distance, of numbers and times.
        wasserstein_sd: Wasserstein distance in the earlier version's standard deviations.
        nulls: Share of missing values, after minus before.
    """

    column: str
    js: float | None
    psi: float | None
    ks: float | None
    wasserstein_sd: float | None
    nulls: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDiff:
    """What differs between two versions.

    Attributes:
        columns: Columns that differ.
        rows: Counts by key; None where they were not asked for, or the two are keyed otherwise.
        shifts: How far columns have moved, the furthest first.
    """

    before: str
    after: str
    columns: list[ColumnChange]
    rows: RowChanges | None
    shifts: list[ColumnShift]
