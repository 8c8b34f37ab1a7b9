"""Regression cases: recorded inputs that every later model of a service must answer as it should."""

from towpath.assets.cases.contract import (
    Expectation,
    HeldModel,
    NewCase,
    RegressionCase,
    RegressionCases,
    Waiver,
)
from towpath.assets.cases.standing import active_cases, standing_of
from towpath.assets.cases.store import LedgerRegressionCases

__all__ = [
    "Expectation",
    "HeldModel",
    "LedgerRegressionCases",
    "NewCase",
    "RegressionCase",
    "RegressionCases",
    "Waiver",
    "active_cases",
    "standing_of",
]
