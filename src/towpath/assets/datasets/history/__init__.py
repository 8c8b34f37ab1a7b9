"""Versions over time: tags, branches, differences, restoring, and letting go of what nobody uses."""

from towpath.assets.datasets.history.branching import CARRIAGES
from towpath.assets.datasets.history.contract import (
    CHANGE,
    Branch,
    ChangeKind,
    Collection,
    ColumnChange,
    DatasetHistory,
    Diff,
    Kept,
    Retention,
    RowChanges,
)
from towpath.assets.datasets.history.store import LedgerDatasetHistory
from towpath.assets.datasets.history.tracking import Carried, RowTracker, Tracked

__all__ = [
    "CARRIAGES",
    "CHANGE",
    "Branch",
    "Carried",
    "ChangeKind",
    "Collection",
    "ColumnChange",
    "DatasetHistory",
    "Diff",
    "Kept",
    "LedgerDatasetHistory",
    "Retention",
    "RowChanges",
    "RowTracker",
    "Tracked",
]
