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
from towpath.build.capacity.declaration import (
    ORGANISATION,
    Budget,
    Queue,
    budget_specs,
    project_path,
    queue_path,
)
from towpath.build.capacity.permits import LedgerPermits, open_permits

__all__ = [
    "ORGANISATION",
    "Answer",
    "Budget",
    "Granted",
    "LedgerPermits",
    "NoPermits",
    "PermitRequest",
    "Permits",
    "Queue",
    "Refused",
    "Usage",
    "UsageOutcome",
    "Waits",
    "budget_specs",
    "open_permits",
    "project_path",
    "queue_path",
]
