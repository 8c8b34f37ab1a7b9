"""The lineage graph, drawn from any node, and the way back from one decision."""

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
    """

    ref: str
    kind: str
    title: str
    detail: str
    state: str
    at: datetime | None
    distance: int


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
        truncated: Whether nodes were left out because there were more than asked for.
    """

    root: str
    direction: str
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTrace:
    """The whole way back from one decision: a tree, root first."""

    decision_id: str
    tree: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that a search found."""

    ref: str
    kind: str
    title: str
    detail: str
