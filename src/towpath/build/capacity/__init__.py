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
from towpath.build.capacity.declaring import (
    BudgetChange,
    compare_budgets,
    declare_budgets,
    declare_missing,
    set_budget,
)
from towpath.build.capacity.permits import LedgerPermits, open_permits

__all__ = [
    "ORGANISATION",
    "Answer",
    "Budget",
    "BudgetChange",
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
    "compare_budgets",
    "declare_budgets",
    "declare_missing",
    "open_permits",
    "project_path",
    "queue_path",
    "set_budget",
]
