"""Erasures: how far a withdrawal is, and the certificate that ends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePhase:
    """One phase of an erasure.

    Attributes:
        state: `done`, `now`, `blocked` or `ahead`.
        at: When the erasure entered it.
        facts: The counts that it left behind.
    """

    name: str
    state: str
    at: datetime | None
    facts: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Where a withdrawal stands. The subject appears as a keyed hash, never in clear.

    Attributes:
        field: Which identifier was withdrawn (the field's name, not its value).
        blocked: Why a person must act, or None.
        totals: What was removed so far, by what it was.
        replacements: Condemned live model to what replaced it.
        certified: Whether the signed certificate is there.
        waits_for: Why its retraining may not start before its budget's next period; empty otherwise.
        due_by: When it must be done.
        expected_at: When the replacements will be trained, by how long their runs took; rollouts come
            on top. None while a person must act.
        late: Whether that is past the deadline.
        rides_on: The erasure that fulfils it together with others, or None.
        riders: How many other withdrawals are fulfilled with it.
    """

    id: str
    subject: str
    field: str
    phase: str
    blocked: str | None
    requested_at: datetime
    updated_at: datetime
    phases: list[ErasurePhase]
    totals: dict[str, int]
    replacements: dict[str, str]
    certified: bool
    waits_for: str
    due_by: datetime | None
    expected_at: datetime | None
    late: bool
    rides_on: str | None
    riders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawals:
    """Who withdraws.

    Attributes:
        field: The declared subject field.
        subjects: Their values of it, up to 1,000.
    """

    field: str
    subjects: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalReceipt:
    """Withdrawals that are in force.

    Attributes:
        erasures: The id of the request of each subject, in the order in which they were named. Each
            says by when it must be done, and when it will be.
    """

    erasures: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The signed statement that an erasure is done, as stored."""

    id: str
    certificate: Json
