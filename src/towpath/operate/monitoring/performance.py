"""Judges a window's answers, once their labels are in, against what the test rows promised."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.models.losses import find_loss
from towpath.core.durations import parse_duration
from towpath.operate.monitoring.calibration import exceedance
from towpath.operate.monitoring.declaration import Performance
from towpath.operate.monitoring.detector import evidence_of
from towpath.operate.monitoring.findings import Finding, Suspect
from towpath.operate.monitoring.view import WEIGHT

if TYPE_CHECKING:
    from datetime import timedelta

    from towpath.assets.models.reference import LossReference, Reference
    from towpath.operate.monitoring.findings import Window
    from towpath.operate.monitoring.view import WindowView


class PerformanceWatcher:
    """Judges `Performance` monitors; see `Watcher`."""

    kind = Performance.kind
    declaration = Performance
    needs_reference = True

    def maturity(self, monitor: Performance, /) -> timedelta:
        """What the declaration waits for labels."""
        return parse_duration(monitor.maturity)

    def judge(self, monitor: Performance, view: WindowView, /) -> Finding:
        """Compare the mean loss of the window's labelled decisions with the test's."""
        matured = view.window.until + parse_duration(monitor.maturity)
        rows = view.labelled([view.output_column], matured_by=matured)
        return judge_performance(
            monitor, view.reference, rows, view.window, score=view.output_column
        )


def judge_performance(
    monitor: Performance, reference: Reference, rows: pl.DataFrame, window: Window, *, score: str
) -> Finding:
    """Compare the mean loss of a window's labelled decisions with the test's.

    Args:
        monitor: What to watch.
        reference: The model's.
        rows: The window's labelled decisions by that model, as the decision log gives them.
        window: Their span.
        score: The column that holds the model's answers.
    """
    promised = reference.loss(monitor.metric)
    answered = rows.filter(pl.col(score).is_not_null())
    count = {"rows": float(len(answered))}
    if promised is None or len(answered) < monitor.min_rows:
        return Finding(window=window, rows=len(answered), judged=False, measured=count)
    outcome, answer = (answered[name].cast(pl.Float64).to_numpy() for name in ("label", score))
    losses = find_loss(monitor.metric)(outcome, answer)
    mean = float(np.average(losses, weights=answered[WEIGHT].to_numpy()))
    p = surprise(promised, mean, rows=len(answered), tolerance=monitor.tolerance)
    known = None if math.isnan(p) else p
    suspect = Suspect(name=monitor.metric, statistic=monitor.metric, value=mean, p=known)
    measured = {**count, monitor.metric: mean, f"{monitor.metric}.promised": promised.mean}
    if known is not None:
        measured["p"] = known
    return Finding(
        window=window,
        rows=len(answered),
        judged=True,
        evidence={monitor.metric: evidence_of(p)},
        suspects=(suspect,),
        measured=measured,
        excess=max(0.0, mean - promised.mean) * float(answered[WEIGHT].sum()),
        summary=f"{monitor.metric} is {mean:.4g} where the test rows promised {promised.mean:.4g}",
    )


def surprise(promised: LossReference, mean: float, *, rows: int, tolerance: float) -> float:
    """Return the probability of a mean loss that high, had nothing changed since the test.

    Days differ, so the spread is that of the test's own daily means; a window with fewer rows than a
    test day is granted the noise that it has on top. The next day's mean then follows Student's t
    around the test's mean. NaN with fewer than three test days.
    """
    days = len(promised.means)
    if days < 3:
        return math.nan
    sizes = np.array(promised.rows, dtype=np.float64)
    noise = float(np.average(promised.variances, weights=sizes))
    usual = float(sizes.mean())
    between = max(float(np.var(promised.means, ddof=1)), noise / usual)
    extra = max(0.0, noise / rows - noise / usual)
    spread = math.sqrt(between * (1 + 1 / days) + extra)
    if spread == 0:
        return 1.0 if mean <= promised.mean + tolerance else 0.0
    return exceedance((mean - promised.mean - tolerance) / spread, days - 1)
