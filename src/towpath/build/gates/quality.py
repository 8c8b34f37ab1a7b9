"""The gate that holds a metric against a threshold."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal

from towpath.build.gates.bounds import bound
from towpath.build.gates.demands import check_demand, compare, too_few
from towpath.build.gates.metrics import find_metric
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.build.gates.contract import Finding, Trial


@dataclass(frozen=True, slots=True)
class Quality:
    """The candidate's metric must be on the right side of a threshold, by its confidence bound.

    Args:
        metric: A name in `METRICS`.
        at_least: The threshold of a metric that is better when higher.
        at_most: The threshold of a metric that is better when lower.
        confidence: Of the one-sided bound that must clear the threshold.
        min_rows: Fewest rows that the metric's own denominators must hold (for ROC AUC: positives and
            negatives each); with fewer the verdict is `inconclusive`.

    Raises:
        NotFound: There is no such metric.
        UsageError: Not exactly one threshold, the one that fits the metric's direction; or another
            argument out of range.
    """

    metric: str
    _: KW_ONLY
    at_least: float | None = None
    at_most: float | None = None
    confidence: float = 0.95
    min_rows: int = 100

    def __post_init__(self) -> None:
        """Refuse a demand that can't be meant."""
        kind = find_metric(self.metric)
        check_demand(self.confidence, self.min_rows)
        wanted, other = (
            ("at_least", "at_most") if kind.better == "higher" else ("at_most", "at_least")
        )
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise UsageError(
                f"{self.metric} is better when {kind.better}, so its gate needs {wanted} alone",
                remedy=f"Write Quality({self.metric!r}, {wanted}=…).",
            )

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"quality:{self.metric}"

    def judge(self, trial: Trial) -> Finding:
        """Compare the bound of the candidate's metric with the threshold."""
        kind = find_metric(self.metric)
        rows = kind.rows(trial.outcome, trial.within)
        if trial.task not in kind.tasks or rows < self.min_rows:
            return too_few(self.name, kind, trial, rows, self.min_rows)
        measured = kind.measure(trial.outcome, trial.challenger, trial.within)
        interval = bound(measured, trial.shared(self.confidence))
        direction: Literal["at_least", "at_most"] = (
            "at_most" if self.at_least is None else "at_least"
        )
        threshold = self.at_most if self.at_least is None else self.at_least
        assert threshold is not None
        return compare(
            self.name,
            self.metric,
            interval,
            threshold=threshold,
            direction=direction,
            rows=rows,
            limits=kind.limits,
        )
