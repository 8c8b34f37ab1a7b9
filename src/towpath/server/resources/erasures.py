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
    """

    name: str
    state: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureSummary:
    """An erasure as lists show it. The subject appears as a keyed hash, never in clear.

    Attributes:
        field: Which identifier was withdrawn (the field's name, not its value).
        rows_removed: Over data sets, decisions and labels.
    """

    id: str
    subject: str
    field: str
    phase: str
    blocked: str | None
    requested_at: datetime
    updated_at: datetime
    versions_touched: int
    rows_removed: int
    models_replaced: int
    residue: int | None
    certified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureDetail(ErasureSummary):
    """An erasure with its phases and the numbers each left behind."""

    phases: list[ErasurePhase]
    status: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The signed statement that an erasure is done, as stored."""

    id: str
    certificate: Json
