"""The first thing that a task on a node does: say which process it is."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, cast

from towpath.build.compute import procfs

if TYPE_CHECKING:
    from towpath.build.compute.contract import Emit, TaskFunction

PROCESS = "towpath.process"


def enter(payload: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Tell the process's number and start, then call the function that was meant: a `TaskFunction`."""
    emit({PROCESS: [os.getpid(), procfs.started_ticks(os.getpid())]})
    module, _, attribute = payload["call"].partition(":")
    function = cast("TaskFunction", getattr(importlib.import_module(module), attribute))
    return function(payload["payload"], emit)
