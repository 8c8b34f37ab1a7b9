"""Where steps run: isolated local processes, or this one."""

from towpath.build.compute.commands import Ended, last_words, run_command
from towpath.build.compute.contract import (
    Emit,
    Executor,
    Outcome,
    OutcomeStatus,
    Resources,
    Task,
    TaskFunction,
)
from towpath.build.compute.inline import InlineExecutor
from towpath.build.compute.local import NUMERIC, LocalExecutor
from towpath.build.compute.template import Template

__all__ = [
    "NUMERIC",
    "Emit",
    "Ended",
    "Executor",
    "InlineExecutor",
    "LocalExecutor",
    "Outcome",
    "OutcomeStatus",
    "Resources",
    "Task",
    "TaskFunction",
    "Template",
    "last_words",
    "run_command",
]
