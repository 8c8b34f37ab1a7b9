"""The append-only record and the graph in it: facts and their events in one transaction."""

from towpath.ledger.checkpoints import leaf_of, verify_checkpoint
from towpath.ledger.contract import Ledger, Transaction
from towpath.ledger.merkle import verify_consistency, verify_inclusion
from towpath.ledger.records import (
    Asset,
    Checkpoint,
    DueRows,
    Edge,
    Event,
    Execution,
    Intent,
    Lineage,
    Metric,
    Revision,
    Run,
    Segment,
    Version,
)
from towpath.ledger.spending import (
    Account,
    Balance,
    BudgetRow,
    Entry,
    EntryKind,
    Group,
    Grouping,
    Line,
    PermitRow,
    PriceList,
    ResumePoint,
)
from towpath.ledger.sql import open_ledger

__all__ = [
    "Account",
    "Asset",
    "Balance",
    "BudgetRow",
    "Checkpoint",
    "DueRows",
    "Edge",
    "Entry",
    "EntryKind",
    "Event",
    "Execution",
    "Group",
    "Grouping",
    "Intent",
    "Ledger",
    "Line",
    "Lineage",
    "Metric",
    "PermitRow",
    "PriceList",
    "ResumePoint",
    "Revision",
    "Run",
    "Segment",
    "Transaction",
    "Version",
    "leaf_of",
    "open_ledger",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
]
