"""Starts pipelines at the moments that a schedule names, and over the windows of a backfill."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily
from towpath.operate.scheduling.contract import (
    BackfillRequest,
    Backfills,
    BackfillStatus,
    Span,
    WindowStatus,
)

if TYPE_CHECKING:
    from towpath.operate.scheduling.backfilling import BackfillReconciler
    from towpath.operate.scheduling.backfills import LedgerBackfills
    from towpath.operate.scheduling.declaration import Schedule
    from towpath.operate.scheduling.following import ScheduleReconciler, ScheduleState
    from towpath.operate.scheduling.pausing import is_paused, pause, resume

# Pausing a schedule needs nothing of what follows it.
__getattr__ = lazily(
    __name__,
    {
        "BackfillReconciler": "backfilling",
        "LedgerBackfills": "backfills",
        "Schedule": "declaration",
        "ScheduleReconciler": "following",
        "ScheduleState": "following",
        "is_paused": "pausing",
        "pause": "pausing",
        "resume": "pausing",
    },
)

__all__ = [
    "BackfillReconciler",
    "BackfillRequest",
    "BackfillStatus",
    "Backfills",
    "LedgerBackfills",
    "Schedule",
    "ScheduleReconciler",
    "ScheduleState",
    "Span",
    "WindowStatus",
    "is_paused",
    "pause",
    "resume",
]
