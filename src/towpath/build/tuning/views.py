"""What people see of a search: a line in a list, or the whole with its trials and what is drawn of them.

The pages, the API and the command line are told the same. Numbers are finite, as JSON can write them.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  Litestar and msgspec resolve the annotations
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  likewise
from typing import Any

from towpath.build.tuning.contract import Objective  # noqa: TC001  likewise
from towpath.ledger.records import RunStatus  # noqa: TC001  likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSummary:
    """One run of a search in a list.

    Attributes:
        id: Id of the search's own run.
        run: The pipeline's run that it is part of.
        name: The node's name in the graph.
        wanted: How many trials were asked for.
        metrics: The best trial's metrics, once the search is over.
        best: The best trial's number, once it is over.
    """

    id: str
    run: str
    name: str
    project: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None
    objectives: tuple[Objective, ...]
    wanted: int
    metrics: Mapping[str, float]
    best: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of the parallel coordinates.

    Attributes:
        name: The parameter.
        kind: `int`, `float` or `choice`.
        low: Lower end; None for choices.
        high: Upper end; None for choices.
        log: Whether the logarithm is what spreads evenly.
        choices: The choices in order, as text.
    """

    name: str
    kind: str
    low: float | None
    high: float | None
    log: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialView:
    """One trial as it is drawn.

    Attributes:
        point: Parameter to value; what JSON lacks as text.
        places: Parameter to where the value lies on its axis, from 0 to 1.
        values: The objectives, in their order; empty without.
        curve: What it reported on the way: `(step, value)`; None for what is no finite number.
        why: Why it was pruned, or what failed.
        allowed: Whether it may be chosen: done, and within all bounds.
        rank: Its place in the pool, from 0; None outside.
        on_front: Whether no other trial beats it in everything.
    """

    number: int
    state: str
    point: Mapping[str, Any]
    places: Mapping[str, float]
    values: tuple[float, ...]
    metrics: Mapping[str, float]
    curve: tuple[tuple[int, float | None], ...]
    run_id: str
    seconds: float
    why: str
    allowed: bool
    rank: int | None
    on_front: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchView:
    """One run of a search with all its trials, while it goes on or after.

    Attributes:
        counts: How many trials are in each state.
        sampler: Who proposes.
        prune: How trials are given up; None if they are not.
        within: Bounds on metrics.
        axes: The parameters, in order of name.
        trials: By number.
        best_so_far: `(number, value)` wherever the best of a single objective changed.
        importances: Parameter to its share of what decided, largest first; empty while too little is
            known.
    """

    summary: SearchSummary
    counts: Mapping[str, int]
    sampler: str
    prune: str | None
    within: Mapping[str, tuple[float | None, float | None]]
    axes: tuple[Axis, ...]
    trials: tuple[TrialView, ...]
    best_so_far: tuple[tuple[int, float], ...]
    importances: Mapping[str, float]
