"""The picture of a run: its calls, what waits for what, and how far each is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNode:
    """One call of a step, or several that are drawn as one: a fan-out, a search's trials.

    Attributes:
        id: Unique in the picture.
        kind: `step`, `when`, what a driver node does (`map`, `search`), or a thing: `dataset`, `model`
            (that it goes on from), `candidate`.
        title: What people call it.
        state: `ahead`, `running`, `finished`, `cached`, `failed`, `killed`, or `skipped` where the run
            is over without it; of several calls, what matters most.
        counts: How many calls are in each of these states.
        seconds: Wall time of the calls together, so far; 0 for hits.
        run: Id of the run to look at: the call's own, of several the one that failed or runs.
        ref: What it stands for, for nodes that are no calls: `dataset:flights@7`, `model:late@3`.
    """

    id: str
    kind: str
    title: str
    state: str
    counts: dict[str, int]
    seconds: float
    run: str | None
    ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEdge:
    """`target` reads what `source` makes."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGraph:
    """A run's nodes in an order of dependence, and their edges.

    Attributes:
        folded: Whether calls of one step were drawn as one because there are many.
        truncated: Whether there are more calls than were looked at.
    """

    run: str
    status: str
    nodes: list[RunNode]
    edges: list[RunEdge]
    folded: bool
    truncated: bool
