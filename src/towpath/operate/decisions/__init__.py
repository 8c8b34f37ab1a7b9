"""Every prediction made in production, durable before it is answered, and what became of it."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily
from towpath.operate.decisions.batches import DecisionBatch, DecisionOrigin
from towpath.operate.decisions.contract import ANY, INPUT, OUTPUT, SIGNAL, DecisionLog
from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.decisions.feedback import Feedback
from towpath.operate.decisions.frames import encode_frame
from towpath.operate.decisions.identity import DecisionIds
from towpath.operate.decisions.policy import Bucket, Logging, LoggingPolicy
from towpath.operate.decisions.records import (
    Decision,
    DecisionFilter,
    DecisionPage,
    DecisionStatus,
    ErasedDecisions,
    Holdings,
    Label,
    Record,
    Signal,
    Tally,
)
from towpath.operate.decisions.writer import SegmentWriter

if TYPE_CHECKING:
    from towpath.operate.decisions.compaction import Compaction, Compactor
    from towpath.operate.decisions.log import SegmentDecisionLog
    from towpath.operate.decisions.retention import Expired, Retention

# A gateway writes decisions and reads none: it need not load what reads them.
__getattr__ = lazily(
    __name__,
    {
        "Compaction": "compaction",
        "Compactor": "compaction",
        "Expired": "retention",
        "Retention": "retention",
        "SegmentDecisionLog": "log",
    },
)

__all__ = [
    "ANY",
    "INPUT",
    "OUTPUT",
    "SIGNAL",
    "Bucket",
    "Compaction",
    "Compactor",
    "Decision",
    "DecisionBatch",
    "DecisionFilter",
    "DecisionIds",
    "DecisionLog",
    "DecisionOrigin",
    "DecisionPage",
    "DecisionStatus",
    "ErasedDecisions",
    "Expired",
    "Feedback",
    "Holdings",
    "Label",
    "Logging",
    "LoggingPolicy",
    "Record",
    "Retention",
    "SegmentDecisionLog",
    "SegmentDirectory",
    "SegmentWriter",
    "Signal",
    "Tally",
    "encode_frame",
]
