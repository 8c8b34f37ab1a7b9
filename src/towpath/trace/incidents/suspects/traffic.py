"""The answers that one model version gave to a service's callers, and what is usual of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.assets.models.reference import Reference
    from towpath.ledger.records import Version
    from towpath.operate.decisions.contract import DecisionLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What slices and drift are looked for in.

    Attributes:
        decisions: The log.
        service: Whose decisions.
        environment: Where.
        model: The version that erred; only its own answers count.
        reference: What it was trained and tested on.
        subject_field: The input that names people, if one does.
        hidden: Columns that hold what is personal: nothing is said of them.
    """

    decisions: DecisionLog
    service: str
    environment: str
    model: Version
    reference: Reference
    subject_field: str | None
    hidden: frozenset[str]


__all__ = ["Traffic"]
