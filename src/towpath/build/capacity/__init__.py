"""When work may run: budgets, queues, prices, and permits to start."""

from towpath.build.capacity.checkpointing import AREA as CHECKPOINTS
from towpath.build.capacity.checkpointing import Checkpoint, checkpoint, checkpointing
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
from towpath.build.capacity.ordering import RunOrder, priority_of
from towpath.build.capacity.permits import LedgerPermits, open_permits
from towpath.build.capacity.resuming import ResumePoints

__all__ = [
    "CHECKPOINTS",
    "ORGANISATION",
    "Answer",
    "Budget",
    "BudgetChange",
    "Checkpoint",
    "Granted",
    "LedgerPermits",
    "NoPermits",
    "PermitRequest",
    "Permits",
    "Queue",
    "Refused",
    "ResumePoints",
    "RunOrder",
    "Usage",
    "UsageOutcome",
    "Waits",
    "budget_specs",
    "checkpoint",
    "checkpointing",
    "compare_budgets",
    "declare_budgets",
    "declare_missing",
    "open_permits",
    "priority_of",
    "project_path",
    "queue_path",
    "set_budget",
]
