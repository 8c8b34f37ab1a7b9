"""Judges a window's inputs and predictions against what the model was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from towpath.assets.datasets.profiles import compare
from towpath.assets.models.reference import PREDICTION
from towpath.operate.monitoring.calibration import statistic_value, surprise_of
from towpath.operate.monitoring.declaration import Drift
from towpath.operate.monitoring.detector import discoveries, lasting_evidence_of
from towpath.operate.monitoring.findings import Finding, Suspect
from towpath.operate.monitoring.moves import describe_move
from towpath.operate.monitoring.seasons import comparable
from towpath.operate.monitoring.shifts import shift_evidence

if TYPE_CHECKING:
    from towpath.assets.models.reference import ColumnReference, Reference
    from towpath.operate.monitoring.calibration import Statistic
    from towpath.operate.monitoring.counts import WindowCounts
    from towpath.operate.monitoring.findings import Window
    from towpath.operate.monitoring.view import WindowView

_NAMED_MOST = 3


class DriftWatcher:
    """Judges `Drift` monitors; see `Watcher`."""

    kind = Drift.kind
    declaration = Drift
    needs_reference = True
    counts_windows = True

    def maturity(self, _monitor: Drift, /) -> timedelta:
        """Nothing is waited for: inputs and answers need no label."""
        return timedelta(0)

    def judge(self, monitor: Drift, view: WindowView, /) -> Finding:
        """Compare every watched column of the window with the reference."""
        return judge_drift(
            monitor, view.reference, view.counts(), view.window, personal=view.subject_field
        )


def watched(monitor: Drift, reference: Reference) -> list[ColumnReference]:
    """Return the reference columns that the monitor compares."""
    if monitor.features == "all":
        return list(reference.columns)
    return [one for one in reference.columns if one.name in (*monitor.features, PREDICTION)]


def judge_drift(
    monitor: Drift,
    reference: Reference,
    counts: WindowCounts,
    window: Window,
    *,
    personal: str | None = None,
) -> Finding:
    """Compare every watched column of a window's decisions with the reference.

    Deterministic: the thinning of the reference's windows is seeded by the window.

    Args:
        monitor: What to watch.
        reference: The model's.
        counts: The window's decisions by that model, on the reference's bins.
        window: Their span.
        personal: The input that names people, if one does: its levels are not told.
    """
    if counts.rows < monitor.min_rows:
        return Finding(
            window=window, rows=counts.rows, judged=False, measured={"rows": float(counts.rows)}
        )
    rng = np.random.default_rng(window.index)
    judged = [
        _compare(column, counts, window, monitor, rng=rng) for column in watched(monitor, reference)
    ]
    if monitor.threshold is None:
        named = discoveries({one.name: one.p for one in judged}, monitor.fdr)
    else:
        named = {one.name for one in judged if one.value > monitor.threshold}
    found = [one for one in judged if one.name in named]
    found.sort(key=lambda one: (one.p if monitor.threshold is None else -one.value, one.name))
    moved = {
        one.name: one.suspect(reference, counts, personal=one.name == personal) for one in judged
    }
    blamed = [moved[one.name] for one in found]
    evidence: dict[str, float] = {}
    if monitor.threshold is None:
        for one in judged:
            evidence |= one.evidence
    return Finding(
        window=window,
        rows=counts.rows,
        judged=True,
        evidence=evidence,
        suspects=tuple(blamed),
        measured=_measured(judged, counts, len(blamed)),
        summary=_summary(blamed, len(judged)),
        breach=monitor.threshold is not None and bool(blamed),
        basis=f"compared with {judged[0].basis}" if judged else "",
        moved=moved,
        spread={one.name: one.spread for one in judged},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A column's distance from all training rows, and how unusual the window is in its phase."""

    name: str
    statistic: Statistic
    value: float
    p: float
    evidence: dict[str, float]
    basis: str
    spread: list[float]

    def suspect(self, reference: Reference, counts: WindowCounts, *, personal: bool) -> Suspect:
        column = reference.column(self.name)
        move = None
        if column is not None:
            move = describe_move(column.profile, counts.column(self.name), personal=personal)
        return Suspect(
            name=self.name,
            statistic=self.statistic,
            value=self.value,
            p=None if math.isnan(self.p) else self.p,
            what="" if move is None else move.what,
            before=None if move is None else move.before,
            after=None if move is None else move.after,
        )


def _compare(
    column: ColumnReference,
    counts: WindowCounts,
    window: Window,
    monitor: Drift,
    *,
    rng: np.random.Generator,
) -> _Judged:
    past = comparable(column.calendar, len(column.blocks), window, monitor.season)
    statistic = monitor.statistic_of(column)
    current = counts.column(column.name)
    folded, rows = column.fold(current), counts.effective
    surprise = surprise_of(column, folded, past, statistic=statistic, rows=rows, rng=rng)
    evidence = {column.name: lasting_evidence_of(surprise.p)}
    if column.ordered:
        evidence |= shift_evidence(column, folded, past, rows=rows)
    return _Judged(
        name=column.name,
        statistic=statistic,
        value=statistic_value(statistic, compare(column.profile, current), surprise.value),
        p=surprise.p,
        evidence=evidence,
        basis=past.basis,
        spread=np.round(folded / max(1, folded.sum()), 3).tolist(),
    )


def _measured(judged: list[_Judged], counts: WindowCounts, found: int) -> dict[str, float]:
    measured = {"rows": float(counts.rows), "features": float(found)}
    for one in judged:
        measured[f"distance.{one.name}"] = one.value
        if not math.isnan(one.p):
            measured[f"p.{one.name}"] = one.p
    return measured


def _summary(blamed: list[Suspect], compared: int) -> str:
    if not blamed:
        return f"none of {compared} columns stands out alone"
    told = "; ".join(
        f"{one.name}: {one.moved}" if one.moved else one.name for one in blamed[:_NAMED_MOST]
    )
    more = f"; and {len(blamed) - _NAMED_MOST} more" if len(blamed) > _NAMED_MOST else ""
    return f"unlike the training data: {told}{more}"
