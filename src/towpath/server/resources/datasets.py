"""Data sets: versions, columns and profiles. Rows are never served here: they may be personal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a data set's schema."""

    name: str
    type: str
    nullable: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """One immutable version.

    Attributes:
        ref: `dataset:NAME@V`.
        revision: 1 at commit; each erasure that touched it adds one.
        added_rows: Rows this version added over the one before.
    """

    ref: str
    number: int
    revision: int
    state: str
    digest: str
    rows: int
    added_rows: int
    bytes: int
    files: int
    mode: str
    made_by: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """A data set and its newest version.

    Attributes:
        key: The columns that name a row.
        time: The event-time column, if it has one.
        subject: The column that names the person or thing whose data it is, if any.
        versions: How many there are.
        revised: How many of them an erasure has rewritten.
    """

    name: str
    project: str
    description: str
    key: list[str]
    time: str | None
    subject: str | None
    versions: int
    revised: int
    latest: DatasetVersion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDetail(DatasetSummary):
    """A data set with its columns and its versions, newest first."""

    columns: list[Column]
    history: list[DatasetVersion]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a version's content was from one moment on."""

    revision: int
    digest: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersionDetail(DatasetVersion):
    """One version with its schema, the runs that used it and the history of its content."""

    dataset: str
    columns: list[Column]
    revisions: list[Revision]
    used_by: list[str]


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
        mean: Of numbers; None otherwise.
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
    quantiles: dict[str, float]
    bars: list[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetProfile:
    """The profile that a version's commit computed."""

    ref: str
    rows: int
    columns: list[ColumnProfile]
