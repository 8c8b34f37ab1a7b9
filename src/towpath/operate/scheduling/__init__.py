"""Starts pipelines at the moments that a schedule names, and over the windows of a backfill."""

from towpath.operate.scheduling.backfilling import BackfillReconciler
from towpath.operate.scheduling.backfills import LedgerBackfills
from towpath.operate.scheduling.contract import (
    BackfillRequest,
    Backfills,
    BackfillStatus,
    Span,
    WindowStatus,
)
from towpath.operate.scheduling.declaration import Schedule
from towpath.operate.scheduling.following import ScheduleReconciler, ScheduleState
from towpath.operate.scheduling.pausing import is_paused, pause, resume

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
