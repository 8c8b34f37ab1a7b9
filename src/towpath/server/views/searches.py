"""Searches as the API writes them: what `SearchReader` reads, with what JSON can't hold left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.server.resources.searches import (
    BestSoFar,
    ReportedPoint,
    SearchAxis,
    SearchBound,
    SearchDetail,
    SearchListed,
    SearchObjective,
    SearchTrial,
)
from towpath.server.views.values import fields_of, number, numbers

if TYPE_CHECKING:
    from towpath.build.tuning import Axis, SearchSummary, SearchView, TrialView


def listed(summary: SearchSummary) -> SearchListed:
    """Return a search as lists show it."""
    return SearchListed(
        id=summary.id,
        run=summary.run,
        name=summary.name,
        project=summary.project,
        status=summary.status,
        started_at=summary.started_at,
        ended_at=summary.ended_at,
        objectives=[
            SearchObjective(metric=one.metric, direction=one.direction)
            for one in summary.objectives
        ],
        wanted=summary.wanted,
        metrics=numbers(summary.metrics),
        best=summary.best,
        error=summary.error,
    )


def detail(view: SearchView) -> SearchDetail:
    """Return a search whole."""
    ordered = sorted(view.importances.items(), key=lambda one: -one[1])
    return SearchDetail(
        **fields_of(listed(view.summary)),
        counts=dict(view.counts),
        sampler=view.sampler,
        prune=view.prune,
        within=[
            SearchBound(metric=metric, lowest=lowest, highest=highest)
            for metric, (lowest, highest) in view.within.items()
        ],
        axes=[_axis(one) for one in view.axes],
        trials=[_trial(one) for one in view.trials],
        best_so_far=[BestSoFar(number=at, value=value) for at, value in view.best_so_far],
        importances=numbers(dict(ordered)),
    )


def _axis(axis: Axis) -> SearchAxis:
    return SearchAxis(
        name=axis.name,
        kind=axis.kind,
        low=axis.low,
        high=axis.high,
        log=axis.log,
        choices=list(axis.choices),
    )


def _trial(trial: TrialView) -> SearchTrial:
    values = [number(value) for value in trial.values]
    return SearchTrial(
        number=trial.number,
        state=trial.state,
        point=dict(trial.point),
        places=numbers(trial.places),
        values=[] if None in values else [value for value in values if value is not None],
        metrics=numbers(trial.metrics),
        curve=[ReportedPoint(step=step, value=number(value)) for step, value in trial.curve],
        run=trial.run_id,
        seconds=trial.seconds,
        why=trial.why,
        allowed=trial.allowed,
        rank=trial.rank,
        on_front=trial.on_front,
    )
