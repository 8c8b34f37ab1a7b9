"""When work may run: budgets, queues, prices, and permits to start."""

from typing import TYPE_CHECKING

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
from towpath.core.lazily import lazily

if TYPE_CHECKING:
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

# Declaring, admitting and reading are needed by different programs.
__getattr__ = lazily(
    __name__,
    {
        "Budget": "declaration",
        "BudgetChange": "declaring",
        "LedgerPermits": "permits",
        "ORGANISATION": "declaration",
        "Queue": "declaration",
        "ResumePoints": "resuming",
        "RunOrder": "ordering",
        "budget_specs": "declaration",
        "compare_budgets": "declaring",
        "declare_budgets": "declaring",
        "declare_missing": "declaring",
        "open_permits": "permits",
        "priority_of": "ordering",
        "project_path": "declaration",
        "queue_path": "declaration",
        "set_budget": "declaring",
    },
)

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
