"""Judges the quality of answers before their labels arrive, and compares once they have."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.models.expectation import bins_of
from towpath.assets.models.losses import find_loss
from towpath.assets.models.reference import PREDICTION
from towpath.build.gates import find_metric
from towpath.core.durations import parse_duration
from towpath.operate.monitoring.findings import Suspect
from towpath.operate.monitoring.kinds.estimated_performance import EstimatedPerformance
from towpath.operate.monitoring.performance import surprise
from towpath.operate.monitoring.view import WEIGHT
from towpath.operate.monitoring.watching.earlier import shifted
from towpath.operate.monitoring.watching.estimating import (
    estimate_by_tree,
    estimate_loss,
    estimate_roc_auc,
)
from towpath.operate.monitoring.watching.telling import Checks, known, too_few

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.expectation import Expectation
    from towpath.operate.monitoring.findings import Finding, Window
    from towpath.operate.monitoring.view import WindowView
    from towpath.operate.monitoring.watching.estimating import Estimated

Floats: TypeAlias = "npt.NDArray[np.float64]"

CAVEAT = "estimated without labels; valid under covariate shift only"
_FOUR_IN_A_HUNDRED = 1.96  # standard errors either side of a 95 % interval


class EstimatedPerformanceWatcher:
    """Judges `EstimatedPerformance` monitors; see `Watcher`."""

    kind = EstimatedPerformance.kind
    declaration = EstimatedPerformance
    needs_reference = True

    def maturity(self, _monitor: EstimatedPerformance, /) -> timedelta:
        """Nothing is waited for: that is the point."""
        return timedelta(0)

    def judge(self, monitor: EstimatedPerformance, view: WindowView, /) -> Finding:
        """Estimate the window's loss, and look at what came true of one that has matured since."""
        reference = view.reference
        promised, expectation = reference.loss(monitor.metric), reference.expectation
        inputs = {
            view.input_column(one.name): one.name
            for one in reference.columns
            if one.name != PREDICTION
        }
        by_calibration = _by_calibration(monitor, expectation)
        wanted = [] if by_calibration else list(inputs)
        rows = view.rows([view.output_column, *wanted])
        rows = rows.filter(pl.col(view.output_column).is_not_null())
        if expectation is None or promised is None or len(rows) < monitor.min_rows:
            return too_few(view.window, len(rows))
        scores = rows[view.output_column].cast(pl.Float64).to_numpy()
        weights = rows[WEIGHT].to_numpy()
        checks = Checks()
        if by_calibration and expectation.calibration is not None:
            estimated = estimate_loss(monitor.metric, expectation.calibration, scores, weights)
            auc = estimate_roc_auc(expectation.calibration, scores, weights)
            if auc is not None:
                _measure(checks, "roc_auc", auc)
        else:
            tree = expectation.loss(monitor.metric)
            if tree is None:
                return too_few(view.window, len(rows))
            values = {name: rows[column] for column, name in inputs.items()}
            bins = bins_of(reference.columns, values, PREDICTION, scores)
            estimated = estimate_by_tree(tree, bins, weights)
        _measure(checks, monitor.metric, estimated)
        checks.measured[f"{monitor.metric}.promised"] = promised.mean
        p = surprise(
            promised,
            estimated.value,
            rows=len(rows),
            tolerance=monitor.tolerance
            + estimated.error,  # the estimate's own doubt is put up with
        )
        suspect = Suspect(
            name=monitor.metric,
            statistic=f"{monitor.metric}, estimated",
            value=estimated.value,
            p=known(p),
            what=CAVEAT,
            before=promised.mean,
            after=estimated.value,
        )
        words = (
            f"{monitor.metric} is estimated at {estimated.value:.4g} ± {estimated.error:.2g} where "
            f"the test rows promised {promised.mean:.4g} ({CAVEAT})"
        )
        checks.weigh(monitor.metric, suspect, words)
        excess = max(0.0, estimated.value - promised.mean) * float(weights.sum())
        return checks.finding(
            view.window, len(rows), excess=excess, settled=_came_true(monitor, view)
        )


def _by_calibration(monitor: EstimatedPerformance, expectation: Expectation | None) -> bool:
    if monitor.method == "dle" or expectation is None:
        return False
    return monitor.method == "cbpe" or expectation.calibration is not None


def _measure(checks: Checks, metric: str, estimated: Estimated) -> None:
    reach = _FOUR_IN_A_HUNDRED * estimated.error
    checks.measured[f"{metric}.estimated"] = estimated.value
    checks.measured[f"{metric}.estimated.low"] = estimated.value - reach
    checks.measured[f"{metric}.estimated.high"] = estimated.value + reach


def _came_true(
    monitor: EstimatedPerformance, view: WindowView
) -> tuple[tuple[Window, dict[str, float]], ...]:
    """Return the realised figures of the newest window whose labels have matured by this one's end.

    Each decision is given the same time for its label, however early in its window it was made: the
    labels of a cohort that matured are compared with the estimate, not whichever came first.
    """
    maturity = parse_duration(monitor.maturity)
    span = view.window.until - view.window.since
    earlier = shifted(view, math.ceil(maturity / span) * span)
    rows = earlier.labelled(
        ["at", view.output_column], matured_by=earlier.window.until + maturity
    ).filter(
        (pl.col("label_at") <= pl.col("at") + maturity) & pl.col(view.output_column).is_not_null()
    )
    if len(rows) < monitor.min_rows:
        return ()
    outcome = rows["label"].to_numpy()
    score = rows[view.output_column].cast(pl.Float64).to_numpy()
    weights = rows[WEIGHT].to_numpy()
    loss = float(np.average(find_loss(monitor.metric)(outcome, score), weights=weights))
    return ((earlier.window, {f"{monitor.metric}.realised": loss, **_auc(outcome, score)}),)


def _auc(outcome: Floats, score: Floats) -> dict[str, float]:
    positive = outcome > 0.5
    if not set(np.unique(outcome)) <= {0.0, 1.0} or positive.all() or not positive.any():
        return {}
    return {"roc_auc.realised": find_metric("roc_auc").measure(outcome, score).value}


__all__ = ["CAVEAT", "EstimatedPerformanceWatcher"]
