"""Recorded decisions asked again and explained, and what is held of a subject."""

from towpath.trace.explaining.contract import (
    DecisionExplainer,
    DecisionExplanation,
    Replay,
    Replayer,
    Replays,
    SubjectReport,
    SubjectReports,
)
from towpath.trace.explaining.explaining import LedgerDecisionExplainer
from towpath.trace.explaining.replaying import LedgerReplayer

__all__ = [
    "DecisionExplainer",
    "DecisionExplanation",
    "LedgerDecisionExplainer",
    "LedgerReplayer",
    "Replay",
    "Replayer",
    "Replays",
    "SubjectReport",
    "SubjectReports",
]
