"""Data sets: versions, lines, columns, ingests. Rows are never served here: they may be personal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from towpath.server.resources.quality import CheckReport, PersonalMark


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
        state: `ready`, or `collected`: its rows are gone, its entry stays.
        mode: How it was committed: `append`, `merge`, `replace`, `delete`, `compact`, …
        added_rows: Rows this version added over the one before.
        replaced_rows: Rows of the one before that other values took the place of.
        deleted_rows: Rows of the one before that went.
        quarantined: Rows that rules set aside when it was committed.
        warnings: How many rules warned, or refused.
        tags: Names that point at it.
    """

    ref: str
    number: int
    revision: int
    state: str
    digest: str
    rows: int
    added_rows: int
    replaced_rows: int
    deleted_rows: int
    bytes: int
    files: int
    mode: str
    quarantined: int
    warnings: int
    tags: list[str]
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
        branches: Living branches beside the trunk.
        looks_personal: Columns of the newest version that look personal and are not declared so.
    """

    name: str
    project: str
    description: str
    key: list[str]
    time: str | None
    subject: str | None
    versions: int
    branches: int
    looks_personal: int
    latest: DatasetVersion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTag:
    """A name that points at a version, and keeps it from being collected."""

    name: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetBranch:
    """A line of versions beside the trunk.

    Attributes:
        name: The branch; as a data set it is `NAME~BRANCH`.
        base: The trunk's version that it started from.
        head: Its latest version.
        behind: Versions that the trunk has added since; adopting needs 0.
    """

    name: str
    base: str
    head: str
    behind: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetIngest:
    """A declared source of rows, and how far it was read.

    Attributes:
        source: What is read, without credentials: its `kind` and what else it says of itself.
        every: How often; None: only when somebody asks.
        phase: `waiting`, `running` or `idle`.
        at: Event time of the last look at the source.
        rows: Rows that the last one brought.
        version: The version that it made, or found unchanged.
        error: What it failed of; None after a good one.
        next: Event time of the next look.
    """

    name: str
    source: dict[str, Any]
    mode: str
    increments: bool
    every: str | None
    phase: str
    at: datetime | None
    rows: int
    version: str | None
    error: str | None
    next: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPublication:
    """A table of an Iceberg catalog that shows the data set's files.

    Attributes:
        versions: How many versions it has as snapshots.
        skipped: Versions that can't be read in place, and why.
    """

    catalog: str
    table: str
    versions: int
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDetail(DatasetSummary):
    """A data set with its columns, its newest versions and what surrounds it.

    Attributes:
        revised: How many of the versions listed an erasure has rewritten.
        trunk: The data set that this is a branch of; None for a trunk.
        lines: Living branches.
        quarantine: The data set that holds rows which rules set aside; None if none ever was.
        quarantined: Rows in it now.
    """

    columns: list[Column]
    history: list[DatasetVersion]
    revised: int
    trunk: str | None
    tags: list[DatasetTag]
    lines: list[DatasetBranch]
    ingests: list[DatasetIngest]
    publications: list[DatasetPublication]
    quarantine: str | None
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a version's content was from one moment on."""

    revision: int
    digest: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersionDetail(DatasetVersion):
    """One version with its schema, the runs that used it and the history of its content.

    Attributes:
        before: The version before it on its line, to compare with; None for the first.
        layers: How many layers its rows are read through: 1 is laid out as well as can be, more may
            be made one by `towpath dataset compact`; 0 once it is collected.
        checks: How its rows did under the data set's rules; None if there were none.
        personal: Columns that look personal and are not declared so.
    """

    dataset: str
    before: str | None
    layers: int
    checks: CheckReport | None
    personal: list[PersonalMark]
    columns: list[Column]
    revisions: list[Revision]
    used_by: list[str]
