"""From a bound and a limit to a finding: what every gate on a metric has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from towpath.build.gates.contract import Finding
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.build.gates.bounds import Interval
    from towpath.build.gates.contract import Trial
    from towpath.build.gates.metrics import MetricKind
    from towpath.build.pipelines import Verdict

_UNLIMITED = (float("-inf"), float("inf"))


def check_demand(confidence: float, min_rows: int) -> None:
    """Refuse a confidence or minimum that no bound can be taken at.

    Raises:
        UsageError: One of them is out of range.
    """
    if not 0.5 < confidence < 1:
        raise UsageError(
            f"a gate's confidence can't be {confidence}", remedy="Choose one between 0.5 and 1."
        )
    if min_rows < 10:
        raise UsageError(
            f"a gate can't decide on {min_rows} rows", remedy="Choose a min_rows of 10 or more."
        )


def compare(
    gate: str,
    what: str,
    interval: Interval,
    *,
    threshold: float,
    direction: Literal["at_least", "at_most"],
    rows: int,
    limits: tuple[float, float] = _UNLIMITED,
) -> Finding:
    """Return the finding that a bound and a threshold make.

    It passes when the whole interval is on the right side, fails when the whole interval is on the
    wrong one, and is inconclusive in between.
    """
    lower, upper = max(interval.lower, limits[0]), min(interval.upper, limits[1])
    verdict: Verdict
    if direction == "at_least":
        verdict = "pass" if lower >= threshold else "fail" if upper < threshold else "inconclusive"
    else:
        verdict = "pass" if upper <= threshold else "fail" if lower > threshold else "inconclusive"
    words = "at least" if direction == "at_least" else "at most"
    return Finding(
        gate=gate,
        verdict=verdict,
        summary=f"{what} {interval.estimate:.4g} [{lower:.4g}, {upper:.4g}], wanted {words} "
        f"{threshold:g}, on {rows:,} rows",
        evidence={
            "metric": what,
            "estimate": interval.estimate,
            "lower": lower,
            "upper": upper,
            "confidence": interval.confidence,
            "threshold": threshold,
            "direction": direction,
            "rows": rows,
        },
    )


def too_few(gate: str, kind: MetricKind, trial: Trial, rows: int, min_rows: int) -> Finding:
    """Return the finding for rows on which the metric means nothing, or too little."""
    if trial.task not in kind.tasks:
        known = " and ".join(kind.tasks)
        summary = f"{kind.name} is for {known} models, and this one does {trial.task}"
    else:
        groups = {
            "rows": "rows",
            "positives": "positive rows",
            "classes": "rows of a class",
            "lists": "lists with anything relevant",
            "scaled": "rows of series that training held",
        }
        summary = f"{rows:,} {groups[kind.denominator]} to test on, and {min_rows:,} are needed"
    return Finding(
        gate=gate,
        verdict="inconclusive",
        summary=summary,
        evidence={"metric": kind.name, "rows": rows, "min_rows": min_rows},
    )
