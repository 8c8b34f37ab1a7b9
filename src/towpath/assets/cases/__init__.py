"""Regression cases: recorded inputs that every later model of a service must answer as it should."""

from towpath.assets.cases.contract import (
    Expectation,
    HeldModel,
    NewCase,
    RegressionCase,
    RegressionCases,
    Waiver,
)

__all__ = [
    "Expectation",
    "HeldModel",
    "NewCase",
    "RegressionCase",
    "RegressionCases",
    "Waiver",
]
