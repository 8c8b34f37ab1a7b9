"""What answering a person's request for access promises: everything that is held of them, and where.

Nothing of it is stored: a report is one more copy of a person's values, and belongs to whom it is for. Each is
an event of the log (`subject.reported`), appended before anything is read.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One place in which something about a subject lies.

    Attributes:
        kind: What the place is, in the words of an erasure's plan: `dataset`, `feature_layouts`, ….
        name: Which one.
        rows: How many rows (files, tasks, …) there are about the subject; None where that can't be told
            from what is kept there, and `note` says why.
        versions: Data-set versions to their counts of rows about the subject.
        values: What is there, as plain JSON objects; empty where a note says where the same is shown.
    """

    kind: str
    name: str
    rows: int | None
    versions: dict[str, int] = dataclasses.field(default_factory=dict)
    values: tuple[Json, ...] = dataclasses.field(default=(), repr=False)
    purpose: str = ""
    kept_for: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectReport:
    """Everything that is held of one subject, for that subject (GDPR, article 15).

    Attributes:
        field: What the subject is called; `value` whom it is about.
        subject: The keyed hash under which the log and the decisions know them.
        withdrawn: Whether the subject is on the suppression list.
        erasures: Withdrawals of this subject and where each stands.
        holdings: Data sets first, then decisions, then every kind of copy that an erasure knows.
        models: Models that learnt from the subject's rows: reference, state, services, data sets.
        beyond: What can't be looked into from here, in sentences.
    """

    field: str
    value: str = dataclasses.field(repr=False)
    subject: str
    at: datetime
    withdrawn: bool
    erasures: tuple[Json, ...]
    holdings: tuple[Holding, ...]
    models: tuple[Json, ...]
    beyond: tuple[str, ...]


class SubjectReports(Protocol):
    """Answers a person's request for access. Thread-safe."""

    def report(self, field: str, value: str, *, actor: str) -> SubjectReport:
        """Gather what is held of a subject; the event `subject.reported` carries the keyed hash alone.

        The places are those of an erasure: data sets, decisions and each kind of `Copies`.

        Raises:
            NotFound: No data set and no service declares `field` as its subject.
        """
        ...


__all__ = [
    "Holding",
    "SubjectReport",
    "SubjectReports",
]
