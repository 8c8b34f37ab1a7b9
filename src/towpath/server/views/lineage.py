"""The lineage graph around one node, thinned to what people think in.

Step runs and artefacts outnumber everything else by far. Unless asked for, they are drawn through: what
a step used counts as used by the run it is a step of, and an artefact's maker stands in for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from towpath.server.resources.lineage import LineageEdge, LineageGraph
from towpath.server.views.nodes import describe

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Lineage

Direction = Literal["trace", "impact", "both"]


def lineage_graph(
    tx: Transaction, root: Ref, *, direction: Direction, full: bool, limit: int
) -> LineageGraph:
    """Return the graph around `root`, at most `limit` nodes, nearest first."""
    parts: list[Lineage] = []
    if direction != "impact":
        parts.append(tx.graph.trace(root))
    if direction != "trace":
        parts.append(tx.graph.impact(root))
    edges = list(dict.fromkeys(edge for part in parts for edge in part.edges))
    nodes = list(dict.fromkeys(node for part in parts for node in part.nodes))
    pairs = {(edge.child, edge.parent): edge.relation for edge in edges}
    if not full:
        pairs = _drawn_through(pairs, _hidden(tx, nodes, root))
    distances = _distances(root, pairs)
    kept = sorted(
        (node for node in nodes if node in distances), key=lambda one: abs(distances[one])
    )
    shown = set(kept[:limit])
    return LineageGraph(
        root=str(root),
        direction=direction,
        nodes=[describe(tx, node, distances[node]) for node in kept[:limit]],
        edges=[
            LineageEdge(child=str(child), parent=str(parent), relation=relation)
            for (child, parent), relation in pairs.items()
            if child in shown and parent in shown
        ],
        truncated=len(kept) > limit,
    )


def _hidden(tx: Transaction, nodes: list[Ref], root: Ref) -> set[Ref]:
    hidden = {node for node in nodes if node.kind == "artifact"}
    for node in nodes:
        if node.kind == "run" and tx.runs.get(node.name).kind == "step":
            hidden.add(node)
    return hidden - {root}


def _drawn_through(
    pairs: dict[tuple[Ref, Ref], str], hidden: set[Ref]
) -> dict[tuple[Ref, Ref], str]:
    """Replace each path through hidden nodes by one edge."""
    parents: dict[Ref, list[tuple[Ref, str]]] = {}
    for (child, parent), relation in pairs.items():
        parents.setdefault(child, []).append((parent, relation))
    drawn: dict[tuple[Ref, Ref], str] = {}
    for child in parents.keys() - hidden:
        for parent, relation in _visible_parents(child, parents, hidden):
            drawn.setdefault((child, parent), relation)
    return drawn


def _visible_parents(
    child: Ref, parents: dict[Ref, list[tuple[Ref, str]]], hidden: set[Ref]
) -> list[tuple[Ref, str]]:
    """Return what `child` depends on directly or through hidden nodes, with the first relation."""
    found: list[tuple[Ref, str]] = []
    queue = deque(parents[child])
    seen: set[Ref] = {child}
    while queue:
        parent, relation = queue.popleft()
        if parent in seen:
            continue
        seen.add(parent)
        if parent in hidden:
            queue.extend((one, relation) for one, _ in parents.get(parent, []))
        else:
            found.append((parent, relation))
    return found


def _distances(root: Ref, pairs: dict[tuple[Ref, Ref], str]) -> dict[Ref, int]:
    """Return steps from the root: above zero towards its sources, below towards its dependants."""
    up: dict[Ref, list[Ref]] = {}
    down: dict[Ref, list[Ref]] = {}
    for child, parent in pairs:
        up.setdefault(child, []).append(parent)
        down.setdefault(parent, []).append(child)
    distances = {root: 0}
    for neighbours, sign in ((up, 1), (down, -1)):
        queue = deque([root])
        steps = {root: 0}
        while queue:
            node = queue.popleft()
            for other in neighbours.get(node, []):
                if other not in steps:
                    steps[other] = steps[node] + 1
                    distances.setdefault(other, sign * steps[other])
                    queue.append(other)
    return distances


__all__ = ["Direction", "lineage_graph"]
