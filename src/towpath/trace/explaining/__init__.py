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

__all__ = [
    "DecisionExplainer",
    "DecisionExplanation",
    "Replay",
    "Replayer",
    "Replays",
    "SubjectReport",
    "SubjectReports",
]
