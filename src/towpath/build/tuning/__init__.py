"""Searches: what a step's parameters are best set to, found by running it."""

from towpath.build.tuning.contract import Objective, Proposer, SearchSpec, Trial
from towpath.build.tuning.declaring import search
from towpath.build.tuning.reading import SearchReader
from towpath.build.tuning.space import Choice, Interval, Log
from towpath.build.tuning.views import Axis, SearchSummary, SearchView, TrialView

__all__ = [
    "Axis",
    "Choice",
    "Interval",
    "Log",
    "Objective",
    "Proposer",
    "SearchReader",
    "SearchSpec",
    "SearchSummary",
    "SearchView",
    "Trial",
    "TrialView",
    "search",
]
