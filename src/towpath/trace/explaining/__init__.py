"""Recorded decisions asked again and explained, and what is held of a subject."""

from towpath.trace.explaining.contract import DecisionExplainer, DecisionExplanation
from towpath.trace.explaining.explaining import LedgerDecisionExplainer
from towpath.trace.explaining.replaying import LedgerReplayer
from towpath.trace.explaining.replays import Replay, Replayer, Replays
from towpath.trace.explaining.report_page import render_page
from towpath.trace.explaining.reporting import LedgerSubjectReports
from towpath.trace.explaining.reports import SubjectReport, SubjectReports

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
