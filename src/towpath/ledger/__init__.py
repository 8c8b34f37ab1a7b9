"""The append-only record and the graph in it: facts and their events in one transaction."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily
from towpath.ledger.contract import Ledger, Transaction
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
    PermitState,
    PriceList,
    ResumePoint,
)
from towpath.ledger.withdrawals import Withdrawal

if TYPE_CHECKING:
    from towpath.ledger.checkpoints import leaf_of, verify_checkpoint
    from towpath.ledger.merkle import verify_consistency, verify_inclusion
    from towpath.ledger.signers import KEY_EVENTS, KeyHistory, LogKey, key_history, rotate_key
    from towpath.ledger.sql import open_ledger
    from towpath.ledger.verifying import LogCheck, LogFinding, Statement, verify_log

# Rows of the ledger are read by programs that never open it, nor verify its log: SQLAlchemy, cryptography.
__getattr__ = lazily(
    __name__,
    {
        "KEY_EVENTS": "signers",
        "KeyHistory": "signers",
        "LogCheck": "verifying",
        "LogFinding": "verifying",
        "LogKey": "signers",
        "Statement": "verifying",
        "key_history": "signers",
        "leaf_of": "checkpoints",
        "open_ledger": "sql",
        "rotate_key": "signers",
        "verify_checkpoint": "checkpoints",
        "verify_consistency": "merkle",
        "verify_inclusion": "merkle",
        "verify_log": "verifying",
    },
)

__all__ = [
    "KEY_EVENTS",
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
    "KeyHistory",
    "Ledger",
    "Line",
    "Lineage",
    "LogCheck",
    "LogFinding",
    "LogKey",
    "Metric",
    "PermitRow",
    "PermitState",
    "PriceList",
    "ResumePoint",
    "Revision",
    "Run",
    "Segment",
    "Statement",
    "Transaction",
    "Version",
    "Withdrawal",
    "key_history",
    "leaf_of",
    "open_ledger",
    "rotate_key",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
    "verify_log",
]
