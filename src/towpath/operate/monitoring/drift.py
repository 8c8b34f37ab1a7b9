"""Judges a window's inputs and predictions against what the model was trained on."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from towpath.assets.models.reference import PREDICTION
from towpath.core.durations import parse_duration
from towpath.operate.monitoring.calibration import (
    distances,
    quiet_distances,
    statistic_of,
    tail_probability,
)
from towpath.operate.monitoring.declaration import Drift
from towpath.operate.monitoring.detector import discoveries, evidence_of
from towpath.operate.monitoring.findings import Finding, Suspect

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from towpath.assets.models.reference import ColumnReference, Reference
    from towpath.operate.monitoring.findings import Window
    from towpath.operate.monitoring.view import WindowView


class DriftWatcher:
    """Judges `Drift` monitors; see `Watcher`."""

    kind = Drift.kind
    declaration = Drift
    needs_reference = True

    def maturity(self, _monitor: Drift, /) -> timedelta:
        """Nothing is waited for: inputs and answers need no label."""
        return timedelta(0)

    def judge(self, monitor: Drift, view: WindowView, /) -> Finding:
        """Compare every watched column of the window with the reference."""
        names = {one.name: column_of(one.name, view) for one in watched(monitor, view.reference)}
        rows = view.rows(list(names.values()))
        return judge_drift(monitor, view.reference, rows, view.window, columns=names)


def watched(monitor: Drift, reference: Reference) -> list[ColumnReference]:
    """Return the reference columns that the monitor compares."""
    if monitor.features == "all":
        return list(reference.columns)
    return [one for one in reference.columns if one.name in (*monitor.features, PREDICTION)]


def column_of(name: str, view: WindowView) -> str:
    """Return the decision log's column that a reference column is compared with."""
    return view.output_column if name == PREDICTION else view.input_column(name)


def judge_drift(
    monitor: Drift,
    reference: Reference,
    rows: pl.DataFrame,
    window: Window,
    *,
    columns: Mapping[str, str],
) -> Finding:
    """Compare every watched column of a window's decisions with the reference.

    Deterministic: the thinning of the reference's days is seeded by the window.

    Args:
        monitor: What to watch.
        reference: The model's.
        rows: The window's decisions by that model, as the decision log gives them.
        window: Their span.
        columns: The log's column of each column of the reference.
    """
    if len(rows) < monitor.min_rows:
        return Finding(window=window, rows=len(rows), judged=False, measured={"rows": len(rows)})
    days = parse_duration(monitor.window).days if reference.days else 1
    rng = np.random.default_rng(window.index)
    suspects = [
        _compare(column, rows[columns[column.name]], days=days, rng=rng)
        for column in watched(monitor, reference)
    ]
    p_values = {one.name: math.nan if one.p is None else one.p for one in suspects}
    found = discoveries(p_values, monitor.fdr)
    blamed = sorted(
        (one for one in suspects if one.name in found),
        key=lambda one: (p_values[one.name], one.name),
    )
    measured = {"rows": float(len(rows)), "features": float(len(found))}
    for one in suspects:
        measured[f"distance.{one.name}"] = one.value
        if one.p is not None:
            measured[f"p.{one.name}"] = one.p
    return Finding(
        window=window,
        rows=len(rows),
        judged=True,
        evidence={name: evidence_of(p) for name, p in p_values.items()},
        suspects=tuple(blamed),
        measured=measured,
        summary=_summary(blamed, len(suspects)),
    )


def _compare(
    column: ColumnReference, values: pl.Series, *, days: int, rng: np.random.Generator
) -> Suspect:
    blocks = column.matrix()
    counts = column.count(values)
    statistic = statistic_of(column)
    value = float(distances(statistic, blocks.sum(axis=0), counts))
    quiet = quiet_distances(column, days=days, rows=len(values), rng=rng)
    p = tail_probability(value, quiet, rows=len(values), independent=len(blocks) / days)
    known = None if math.isnan(p) else p
    return Suspect(name=column.name, statistic=statistic, value=value, p=known)


def _summary(blamed: list[Suspect], compared: int) -> str:
    if not blamed:
        return f"none of {compared} columns stands out alone"
    names = ", ".join(one.name for one in blamed[:3])
    more = f" and {len(blamed) - 3} more" if len(blamed) > 3 else ""
    return f"{names}{more} no longer look like the training data"
