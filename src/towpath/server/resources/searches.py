"""Searches: what was tried, how good it was, and what mattered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchObjective:
    """A metric that trials log, and which way is better: `maximize` or `minimize`."""

    metric: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchListed:
    """One run of a search, as lists show it.

    Attributes:
        id: Id of the search's own run.
        run: The pipeline's run that it is part of.
        wanted: How many trials were asked for.
        metrics: The best trial's, once the search is over.
        best: The best trial's number, once it is over.
    """

    id: str
    run: str
    name: str
    project: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    objectives: list[SearchObjective]
    wanted: int
    metrics: dict[str, float]
    best: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAxis:
    """A parameter that varies.

    Attributes:
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
    choices: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPoint:
    """What a trial said on its way."""

    step: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTrial:
    """One point of the space, and what became of it.

    Attributes:
        state: `running`, `done`, `pruned`, `failed` or `stopped`.
        point: Parameter to value.
        places: Parameter to where the value lies on its axis, from 0 to 1.
        values: The objectives, in their order; empty while there are none.
        curve: What it reported on the way, by step.
        why: Why it was pruned, or what failed.
        allowed: Whether it may be chosen: done, and within all bounds.
        rank: Its place in the pool from which the gates choose, from 0; None outside.
        on_front: Whether no other trial beats it in every objective.
    """

    number: int
    state: str
    point: dict[str, Any]
    places: dict[str, float]
    values: list[float]
    metrics: dict[str, float]
    curve: list[ReportedPoint]
    run: str
    seconds: float
    why: str
    allowed: bool
    rank: int | None
    on_front: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSoFar:
    """From which trial on which value was the best."""

    number: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBound:
    """A metric that a result must keep within bounds."""

    metric: str
    lowest: float | None
    highest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDetail(SearchListed):
    """A search with all its trials, while it goes on or after.

    Attributes:
        counts: How many trials are in each state.
        sampler: Who proposes: `tpe`, `random`, `cmaes` or `grid`.
        prune: How trials are given up: `median` or `asha`; None if they are not.
        trials: By number.
        best_so_far: Wherever the best of a single objective changed; empty for several.
        importances: Parameter to its share of what decided, largest first; empty while too little is
            known.
    """

    counts: dict[str, int]
    sampler: str
    prune: str | None
    within: list[SearchBound]
    axes: list[SearchAxis]
    trials: list[SearchTrial]
    best_so_far: list[BestSoFar]
    importances: dict[str, float]
