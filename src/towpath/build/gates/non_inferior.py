"""The gate that holds a candidate against the champion, row by row."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal

from towpath.build.gates.bounds import bound
from towpath.build.gates.contract import Finding
from towpath.build.gates.demands import check_demand, compare, too_few
from towpath.build.gates.metrics import find_metric
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.build.gates.contract import Trial


@dataclass(frozen=True, slots=True)
class NonInferior:
    """The candidate may be worse than the champion by less than `margin`, on the same rows.

    Harm is how much worse the candidate is: the champion's metric less its own where higher is
    better, the reverse where lower is. It is measured in pairs, row by row (for ROC AUC through
    DeLong's covariance), so the rows' own difficulty cancels out. The upper bound of harm must lie
    below the margin. Where there is no champion there is nothing to be worse than: it passes, and says so.

    Args:
        metric: A name in `METRICS`.
        margin: The harm that would still be acceptable, above zero.
        confidence: Of the one-sided bound.
        min_rows: As in `Quality`.
        against: `champion`, the version that serves; or `parent`, the one that the candidate was
            fine-tuned from: then a model trained from scratch passes.

    Raises:
        NotFound: There is no such metric.
        UsageError: An argument is out of range.
    """

    metric: str
    _: KW_ONLY
    margin: float
    confidence: float = 0.95
    min_rows: int = 100
    against: Literal["champion", "parent"] = "champion"

    def __post_init__(self) -> None:
        """Refuse a demand that can't be meant."""
        find_metric(self.metric)
        check_demand(self.confidence, self.min_rows)
        if not 0 < self.margin < float("inf"):
            raise UsageError(
                f"the margin {self.margin} of the {self.metric} gate is not above zero",
                remedy="No sample can show that two models are exactly equal; "
                "name the difference you could live with.",
            )

    @property
    def name(self) -> str:
        """What reports call it."""
        tail = ":parent" if self.against == "parent" else ""
        return f"non-inferior:{self.metric}{tail}"

    def judge(self, trial: Trial) -> Finding:
        """Compare the upper bound of the harm with the margin."""
        kind = find_metric(self.metric)
        rows = kind.rows(trial.outcome, trial.within)
        if self.against == "parent":
            ref, scores, obstacle = trial.parent_ref, trial.parent, trial.parent_obstacle
            nobody = "trained from scratch: no parent to be worse than"
        else:
            ref, scores, obstacle = trial.champion_ref, trial.champion, trial.obstacle
            nobody = "no champion yet: nothing to be worse than"
        named = {"metric": self.metric, self.against: ref}
        if ref is None:
            return Finding(gate=self.name, verdict="pass", summary=nobody, evidence=named)
        if scores is None:
            why = f"{ref} could not be scored: {obstacle}"
            return Finding(gate=self.name, verdict="inconclusive", summary=why, evidence=named)
        if trial.task not in kind.tasks or rows < self.min_rows:
            return too_few(self.name, kind, trial, rows, self.min_rows)
        challenger = kind.measure(trial.outcome, trial.challenger, trial.within)
        other = kind.measure(trial.outcome, scores, trial.within)
        harm = other.minus(challenger) if kind.better == "higher" else challenger.minus(other)
        finding = compare(
            self.name,
            f"harm in {self.metric}",
            bound(harm, trial.shared(self.confidence)),
            threshold=self.margin,
            direction="at_most",
            rows=rows,
        )
        values = {f"{self.against}_value": other.value, "challenger_value": challenger.value}
        return Finding(
            gate=finding.gate,
            verdict=finding.verdict,
            summary=f"{finding.summary}, against {ref}",
            evidence={**finding.evidence, **named, **values},
        )
