"""Recorded decisions asked again and explained, and what is held of a subject."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily

if TYPE_CHECKING:
    from towpath.trace.explaining.contract import DecisionExplainer, DecisionExplanation
    from towpath.trace.explaining.explaining import LedgerDecisionExplainer
    from towpath.trace.explaining.replaying import LedgerReplayer
    from towpath.trace.explaining.replays import Replay, Replayer, Replays
    from towpath.trace.explaining.report_page import render_page
    from towpath.trace.explaining.reporting import LedgerSubjectReports
    from towpath.trace.explaining.reports import SubjectReport, SubjectReports

# A program that asks for one of these needs none of the others.
__getattr__ = lazily(
    __name__,
    {
        "DecisionExplainer": "contract",
        "DecisionExplanation": "contract",
        "LedgerDecisionExplainer": "explaining",
        "LedgerReplayer": "replaying",
        "LedgerSubjectReports": "reporting",
        "Replay": "replays",
        "Replayer": "replays",
        "Replays": "replays",
        "SubjectReport": "reports",
        "SubjectReports": "reports",
        "render_page": "report_page",
    },
)

__all__ = [
    "DecisionExplainer",
    "DecisionExplanation",
    "LedgerDecisionExplainer",
    "LedgerReplayer",
    "LedgerSubjectReports",
    "Replay",
    "Replayer",
    "Replays",
    "SubjectReport",
    "SubjectReports",
    "render_page",
]
