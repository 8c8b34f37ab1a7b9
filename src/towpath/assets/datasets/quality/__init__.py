"""Quality of data: rows judged by rules, set aside where they break one, and marked where personal."""

from towpath.assets.datasets.quality.beside import Beside
from towpath.assets.datasets.quality.judged_commit import JudgedCommit
from towpath.assets.datasets.quality.judged_load import JudgedLoad
from towpath.assets.datasets.quality.marks import PERSONAL, marks_of, marks_of_commit
from towpath.assets.datasets.quality.quarantine import (
    is_quarantine,
    quarantine_of,
    quarantine_rows,
)
from towpath.assets.datasets.quality.reports import CHECKS, checks_of, checks_without
from towpath.assets.datasets.quality.retrying import Retry
from towpath.assets.datasets.quality.verdict import Quality, Verdict, finished

__all__ = [
    "CHECKS",
    "PERSONAL",
    "Beside",
    "JudgedCommit",
    "JudgedLoad",
    "Quality",
    "Retry",
    "Verdict",
    "checks_of",
    "checks_without",
    "finished",
    "is_quarantine",
    "marks_of",
    "marks_of_commit",
    "quarantine_of",
    "quarantine_rows",
]
