"""What a sender of events is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReceipt:
    """What became of the events of one request. All of them are durable, or the request is refused.

    Attributes:
        taken: Events that a trigger waits for; their runs follow.
        repeated: Events that had been taken before, by source and id.
        unwanted: Events that no trigger waits for. Nothing is kept of them.
    """

    taken: int
    repeated: int
    unwanted: int
