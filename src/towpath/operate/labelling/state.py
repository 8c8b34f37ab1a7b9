"""A queue's status: how far decisions were drawn, and what is being sealed."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import Any

import msgspec


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """What the reconciler needs back at its next step, and pages show.

    Attributes:
        drawn_until: Event time up to which days were drawn from; None before the first look.
        drawn: Tasks drawn so far.
        days_left_out: Days that passed while the backlog was full.
        run: The run that records the sealing under way; None between two.
        sealed: Tasks sealed so far.
        idle: Why nothing can be drawn, where that is so.
    """

    drawn_until: datetime | None = None
    drawn: int = 0
    days_left_out: int = 0
    run: str | None = None
    sealed: int = 0
    idle: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what the intent's status holds."""
        return msgspec.to_builtins(self)
