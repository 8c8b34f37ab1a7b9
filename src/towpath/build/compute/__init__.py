"""Where steps run: isolated local processes, or this one."""

from towpath.build.compute.contract import (
    Emit,
    Executor,
    Outcome,
    OutcomeStatus,
    Resources,
    Task,
    TaskFunction,
)

__all__ = ["Emit", "Executor", "Outcome", "OutcomeStatus", "Resources", "Task", "TaskFunction"]
