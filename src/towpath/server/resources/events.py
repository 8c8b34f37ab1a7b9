"""Entries of the ledger's log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One entry of the append-only log."""

    seq: int
    at: datetime
    type: str
    subject: str
    actor: str
    payload: Json
    leaf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """A page of the log, newest first.

    Attributes:
        before: Pass this as `before` to read on; None at the log's beginning.
    """

    size: int
    events: list[LogEvent]
    before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """A proof about the log, to be saved as a file and checked with `towpath audit verify`.

    Attributes:
        proof: The document: an entry or an older root, the path, and the signed checkpoint.
    """

    proof: Json
