"""Searches: what a step's parameters are best set to, found by running it."""

from towpath.build.tuning.contract import Objective, Proposer, SearchSpec, Trial
from towpath.build.tuning.space import Choice, Interval, Log

__all__ = ["Choice", "Interval", "Log", "Objective", "Proposer", "SearchSpec", "Trial"]
