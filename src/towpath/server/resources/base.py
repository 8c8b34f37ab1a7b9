"""What several resources are made of. Resources are immutable; times are ISO 8601 in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a series.

    Attributes:
        step: The whole number the run chose (an iteration, a window's index).
        at: The time the value belongs to; event time for monitors.
        value: None where the value is not a finite number, which JSON can't write.
    """

    step: int
    at: datetime
    value: float | None
