"""Runs, their steps, and the curves of their metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from towpath.server.resources.base import Point
from towpath.server.resources.runs import MetricHistory, RunDetail, RunSummary
from towpath.server.views.values import fields_of, number, numbers

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Metric, Run


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
    steps = [summarize(step) for step in tx.runs.list(parent=run_id)]
    used = tx.graph.trace(run.ref, depth=1).edges
    made = tx.graph.impact(run.ref, depth=1).edges
    return RunDetail(
        **fields_of(summary),
        key=run.key,
        params=run.params,
        steps=list(reversed(steps)),
        used=sorted({str(edge.parent) for edge in used if edge.child == run.ref}),
        made=sorted({str(edge.child) for edge in made if edge.parent == run.ref}),
    )


def point(metric: Metric) -> Point:
    """Return a metric's point; what JSON can't write as None."""
    return Point(step=metric.step, at=metric.at, value=number(metric.value))


def metric_history(tx: Transaction, run_id: str, key: str) -> MetricHistory:
    """Return every point of one metric. Raises `NotFound` for an unknown run."""
    tx.runs.get(run_id)
    points = [point(metric) for metric in tx.runs.history(run_id, key)]
    return MetricHistory(run=run_id, key=key, points=points)
