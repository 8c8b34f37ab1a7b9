"""Checks: the rules that rows must keep, and what becomes of rows that break one."""

from towpath.assets.checks.contract import (
    Broken,
    Measured,
    Policy,
    RowRule,
    Rule,
    Surroundings,
    TableRule,
    Tally,
)
from towpath.assets.checks.judging import REASON, Judge, Judged, Naming, keys_shown
from towpath.assets.checks.refusing import refusal, sentence
from towpath.assets.checks.report import CheckReport, Outcome, RuleResult, Sample

__all__ = [
    "REASON",
    "Broken",
    "CheckReport",
    "Judge",
    "Judged",
    "Measured",
    "Naming",
    "Outcome",
    "Policy",
    "RowRule",
    "Rule",
    "RuleResult",
    "Sample",
    "Surroundings",
    "TableRule",
    "Tally",
    "keys_shown",
    "refusal",
    "sentence",
]
