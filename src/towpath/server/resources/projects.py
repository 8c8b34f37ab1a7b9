"""Projects: what teams declare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as declared last, with what it holds.

    Attributes:
        risk: `minimal`, `limited` or `high`; empty for a project that only exists through its runs.
        declaration: The whole declaration, as applied.
        counts: Assets by kind (`dataset`, `model`, …) and `runs`.
    """

    name: str
    owner: str
    risk: str
    description: str
    generation: int
    declared_at: datetime | None
    declaration: Json
    counts: dict[str, int]
