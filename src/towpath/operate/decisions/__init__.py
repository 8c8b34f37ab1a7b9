"""Every prediction made in production, durable before it is answered, and what became of it."""

from towpath.operate.decisions.contract import INPUT, OUTPUT, DecisionLog
from towpath.operate.decisions.records import (
    Decision,
    DecisionStatus,
    ErasedDecisions,
    Holdings,
    Label,
    Record,
    Tally,
)

__all__ = [
    "INPUT",
    "OUTPUT",
    "Decision",
    "DecisionLog",
    "DecisionStatus",
    "ErasedDecisions",
    "Holdings",
    "Label",
    "Record",
    "Tally",
]
