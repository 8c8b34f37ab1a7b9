"""Starts pipelines at the moments that a schedule names, and over the windows of a backfill."""

from towpath.operate.scheduling.contract import (
    BackfillRequest,
    Backfills,
    BackfillStatus,
    Span,
    WindowStatus,
)
from towpath.operate.scheduling.declaration import Schedule

__all__ = [
    "BackfillRequest",
    "BackfillStatus",
    "Backfills",
    "Schedule",
    "Span",
    "WindowStatus",
]
