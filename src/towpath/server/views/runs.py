"""Runs, their steps, and the curves of their metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from towpath.server.resources.base import Point
from towpath.server.resources.runs import (
    MetricHistory,
    RunAttempt,
    RunDetail,
    RunSummary,
    SavedState,
)
from towpath.server.views.values import fields_of, number, numbers

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Edge, Metric, Run

_STEPS_MOST = 1_000
_ATTEMPTS_MOST = 50
_DRIVERS = ("map", "search")


def summarize(run: Run) -> RunSummary:
    """Return what lists show of a run."""
    ended = run.ended_at or datetime.now(UTC)
    return RunSummary(
        id=run.id,
        kind=run.kind,
        name=run.name,
        project=run.project,
        status=run.status,
        parent=run.parent,
        started_at=run.started_at,
        ended_at=run.ended_at,
        seconds=max((ended - run.started_at).total_seconds(), 0.0),
        cached=run.tags.get("cached") == "true",
        error=run.error,
        metrics=numbers(run.metrics),
        tags=run.tags,
    )


def get_run(tx: Transaction, run_id: str) -> RunDetail:
    """Return a run with its steps and its neighbours in the graph. Raises `NotFound`."""
    run = tx.runs.get(run_id)
    summary = summarize(run)
    found = tx.runs.list(parent=run_id, limit=_STEPS_MOST + 1)
    truncated = len(found) > _STEPS_MOST
    steps = _with_drivers(tx, run_id, found[:_STEPS_MOST]) if truncated else found
    used = tx.graph.trace(run.ref, depth=1).edges
    made = tx.graph.impact(run.ref, depth=1).edges
    return RunDetail(
        **fields_of(summary),
        key=run.key,
        params=run.params,
        steps=[summarize(step) for step in reversed(steps)],
        truncated=truncated,
        used=sorted({str(edge.parent) for edge in used if _is_shown(edge, run)}),
        made=sorted({str(edge.child) for edge in made if edge.parent == run.ref}),
        attempts=_attempts(tx, run),
        saved=None if run.key is None else _saved(tx, run.key),
    )


def _is_shown(edge: Edge, run: Run) -> bool:
    """Tell whether an edge is worth a line: what a run ran in is among its tags already."""
    return edge.child == run.ref and edge.parent.kind != "environment"


def _with_drivers(tx: Transaction, run_id: str, steps: list[Run]) -> list[Run]:
    """Return the newest calls of many, and those that fan out, whose calls they are."""
    known = {step.id for step in steps}
    drivers = [one for kind in _DRIVERS for one in tx.runs.list(parent=run_id, kind=kind)]
    return steps + [one for one in drivers if one.id not in known]


def _attempts(tx: Transaction, run: Run) -> list[RunAttempt]:
    if run.kind != "step" or run.parent is None:
        return []
    tries = tx.runs.list(parent=run.parent, name=run.name, limit=_ATTEMPTS_MOST)[::-1]
    if len(tries) == 1:
        return []
    return [
        RunAttempt(
            run=one.id,
            status=one.status,
            stopped=one.tags.get("stopped", ""),
            error=one.error,
            started_at=one.started_at,
            seconds=summarize(one).seconds,
        )
        for one in tries
    ]


def _saved(tx: Transaction, key: str) -> SavedState | None:
    point = tx.line.resume_point(key)
    if point is None:
        return None
    return SavedState(attempt=point.attempt, size_bytes=point.size_bytes, at=point.at)


def point(metric: Metric) -> Point:
    """Return a metric's point; what JSON can't write as None."""
    return Point(step=metric.step, at=metric.at, value=number(metric.value))


def metric_history(tx: Transaction, run_id: str, key: str) -> MetricHistory:
    """Return every point of one metric. Raises `NotFound` for an unknown run."""
    tx.runs.get(run_id)
    points = [point(metric) for metric in tx.runs.history(run_id, key)]
    return MetricHistory(run=run_id, key=key, points=points)
