"""Searches: what a step's parameters are best set to, found by running it."""

from towpath.build.tuning.contract import Objective, Proposer, SearchSpec, Trial
from towpath.build.tuning.declaring import search
from towpath.build.tuning.reading import (
    Axis,
    SearchReader,
    SearchSummary,
    SearchView,
    TrialView,
)
from towpath.build.tuning.space import Choice, Interval, Log

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
