"""When work may run: budgets, queues, prices, and permits to start."""

from towpath.build.capacity.contract import (
    Answer,
    Granted,
    NoPermits,
    PermitRequest,
    Permits,
    Refused,
    Usage,
    UsageOutcome,
    Waits,
)

__all__ = [
    "Answer",
    "Granted",
    "NoPermits",
    "PermitRequest",
    "Permits",
    "Refused",
    "Usage",
    "UsageOutcome",
    "Waits",
]
