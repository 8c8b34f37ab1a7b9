"""The declaration of a monitor on how groups of people fare."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

from towpath.assets.models.rates import find_rate
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring.kinds.base import Declared, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Fairness(Declared):
    """Compares rates and errors between groups in production.

    Attributes:
        by: The input that says which group a decision belongs to.
        metrics: Rates (`selection_rate`, `true_positive_rate`, `false_positive_rate`, `precision`) or
            per-row losses; see `towpath.assets.models.rates`.
        max_gap: Largest difference between two groups that is put up with.
        min_ratio: Smallest quotient of the lower and the higher group; `0.8` is the four-fifths rule.
            Exactly one of the two is given.
        groups: The groups to compare; empty: each level of `by` that the training data had.
        maturity: How long after a decision its label is waited for, where a metric needs one.
        min_rows: Smallest denominator of a group: for the true-positive rate, its positive rows.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "fairness"

    by: str
    name: str = "fairness"
    _: KW_ONLY
    metrics: Sequence[str] = ("selection_rate",)
    max_gap: float | None = None
    min_ratio: float | None = None
    groups: Sequence[str] = ()
    maturity: str = "6h"
    window: str = "7d"
    min_rows: int = 30
    severity: Severity = "critical"

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        if isinstance(self.metrics, str) or not self.metrics:
            raise InvalidProject(
                f"monitor {self.name!r} compares {self.metrics!r}",
                remedy="Give a list of rates or losses, such as ['selection_rate'].",
            )
        for metric in self.metrics:
            find_rate(metric)
        parse_duration(self.maturity)
        if (self.max_gap is None) == (self.min_ratio is None):
            raise InvalidProject(
                f"monitor {self.name!r} has no bound, or two",
                remedy="Give exactly one of max_gap= and min_ratio=.",
            )
        self.check_share("min_ratio", self.min_ratio)
        if self.max_gap is not None and self.max_gap < 0:
            raise InvalidProject(f"monitor {self.name!r} has a max_gap below zero")
        if len(self.groups) == 1:
            raise InvalidProject(f"monitor {self.name!r} compares one group with nothing")

    @property
    def needs_labels(self) -> bool:
        """Whether a metric needs to know what came true."""
        return any(find_rate(metric).needs_labels for metric in self.metrics)
