"""Judges a window's answers, once their labels are in, against what the test rows promised."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.models.losses import find_loss
from towpath.operate.decisions.contract import OUTPUT
from towpath.operate.monitoring.calibration import exceedance
from towpath.operate.monitoring.detector import evidence_of
from towpath.operate.monitoring.findings import Finding, Suspect

if TYPE_CHECKING:
    from towpath.assets.models.reference import LossReference, Reference
    from towpath.operate.monitoring.declaration import Performance
    from towpath.operate.monitoring.findings import Window


def judge_performance(
    monitor: Performance, reference: Reference, rows: pl.DataFrame, window: Window, *, output: str
) -> Finding:
    """Compare the mean loss of a window's labelled decisions with the test's.

    Args:
        monitor: What to watch.
        reference: The model's.
        rows: The window's labelled decisions by that model, as the decision log gives them.
        window: Their span.
        output: Name of the model's output.
    """
    promised = reference.loss(monitor.metric)
    answered = rows.filter(pl.col(OUTPUT + output).is_not_null())
    count = {"rows": float(len(answered))}
    if promised is None or len(answered) < monitor.min_rows:
        return Finding(window=window, rows=len(answered), judged=False, measured=count)
    outcome, score = (
        answered[name].cast(pl.Float64).to_numpy() for name in ("label", OUTPUT + output)
    )
    mean = float(find_loss(monitor.metric)(outcome, score).mean())
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
