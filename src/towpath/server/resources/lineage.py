"""The lineage graph, drawn from any node, the way back and forth from anything, and what rows reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageNode:
    """A node of the graph.

    Attributes:
        ref: Its reference; the id that edges use.
        title: What to write on it.
        detail: One line beneath the title.
        state: The version's state or the run's status; empty for plain nodes.
        distance: Steps from the root: above zero towards what it depends on, below towards dependants.
        more: How many edges lead on from it to what is not shown.
    """

    ref: str
    kind: str
    title: str
    detail: str
    state: str
    at: datetime | None
    distance: int
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEdge:
    """`child` depends on `parent`."""

    child: str
    parent: str
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageGraph:
    """The part of the graph around one node.

    Attributes:
        truncated: Whether nodes were left out because there were more than asked for; each shown node
            says how many edges lead to them.
    """

    root: str
    direction: str
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageTree:
    """The way back from anything, or forth, as a tree.

    Attributes:
        ref: What was asked about.
        direction: `back` or `forth`.
        tree: Nested objects: `root`, and how many nodes of each kind are `reached`, shown or not;
            unless `complete` says so, that many at least.
    """

    ref: str
    direction: str
    tree: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTrace:
    """The whole way back from one decision: a tree, root first."""

    decision_id: str
    tree: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLineageEvents:
    """Events of the OpenLineage specification, oldest first.

    Attributes:
        truncated: Whether there is more than was asked for.
    """

    events: list[Json]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsAsked:
    """Rows of a data-set version, to be followed.

    Attributes:
        ref: The version.
        where: Which of its rows, as SQL over its columns. It is kept nowhere.
        limit: How long each list of the answer may be.
    """

    ref: str
    where: str
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsHeldBy:
    """A version that carries some of the rows, or other rows under their keys (`changed`)."""

    ref: str
    revision: int
    rows: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsReadBy:
    """A run that read some of them; `rows` is null where they can't be counted any more."""

    run: str
    kind: str
    name: str
    started_at: datetime
    source: str
    rows: int | None
    windowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsModel:
    """A model version that came of them, where it serves now, and how many decisions it made."""

    ref: str
    state: str
    rows: int | None
    runs: list[str]
    serves: list[str]
    decisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsAnswered:
    """The decisions that such a model made for one service on one day of event time."""

    service: str
    model: str
    day: str
    decisions: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowImpact:
    """What some rows reached. No key and no value of them is in it.

    Attributes:
        clean: How many versions were looked at and carry none.
        unread: Versions that were collected, of which it can't be told any more.
        spared: Runs that read such a version, and none of the rows.
        derived: What was made of the rows in a way that they can't be told apart in it.
        totals: How long each list is, of which only the beginning is here.
    """

    ref: str
    rows: int
    versions: list[RowsHeldBy]
    clean: int
    unread: list[str]
    reads: list[RowsReadBy]
    spared: int
    models: list[RowsModel]
    releases: list[str]
    services: list[str]
    derived: list[str]
    answered: list[RowsAnswered]
    decisions: int
    totals: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that a search found."""

    ref: str
    kind: str
    title: str
    detail: str
