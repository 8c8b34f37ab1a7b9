"""The lineage graph around one node, thinned to what people think in, and what rows reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from towpath.server.resources.lineage import LineageEdge, LineageGraph, LineageNode
from towpath.server.resources.lineage import RowImpact as ShownImpact
from towpath.server.views.nodes import describe
from towpath.trace.lineage import Bounds

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.trace.lineage import Neighbourhood, RowImpact, Tracer

Direction = Literal["trace", "impact", "both"]
_NEITHER_SHOWN = ("keys",)


def lineage_graph(
    tracer: Tracer,
    root: Ref,
    *,
    direction: Direction,
    full: bool,
    limit: int,
    depth: int | None = None,
    width: int = 20,
) -> LineageGraph:
    """Return the graph around `root`, at most `limit` nodes each way, nearest first."""
    bounds = Bounds(depth=depth, width=width, nodes=limit, full=full)
    ways: list[Neighbourhood] = []
    if direction != "impact":
        ways.append(tracer.neighbourhood(root, "back", bounds=bounds))
    if direction != "trace":
        ways.append(tracer.neighbourhood(root, "forth", bounds=bounds))
    start = ways[0].root
    distances = _distances(ways)
    kept = sorted(distances, key=lambda ref: abs(distances[ref]))[:limit]
    shown = set(kept)
    return LineageGraph(
        root=str(start),
        direction=direction,
        nodes=[_described(ways, ref, distances[ref]) for ref in kept],
        edges=_edges(ways, shown),
        truncated=len(distances) > limit or not all(way.complete for way in ways),
    )


def row_impact(found: RowImpact, *, limit: int) -> ShownImpact:
    """Return what rows reached, without their keys."""
    told = found.to_json(limit=limit)
    return msgspec.convert(
        {name: value for name, value in told.items() if name not in _NEITHER_SHOWN}, ShownImpact
    )


def _distances(ways: list[Neighbourhood]) -> dict[Ref, int]:
    """Return steps from the root: above zero towards its sources, below towards its dependants."""
    distances: dict[Ref, int] = {}
    for way in ways:
        sign = 1 if way.direction == "back" else -1
        for ref, steps in way.distances.items():
            distances.setdefault(ref, sign * steps)
    return distances


def _described(ways: list[Neighbourhood], ref: Ref, distance: int) -> LineageNode:
    way = next(way for way in ways if ref in way.distances)
    more = sum(one.more.get(ref, 0) for one in ways)
    run = way.runs.get(ref.name) if ref.kind == "run" else None
    return describe(ref, distance, run=run, version=way.versions.get(ref), more=more)


def _edges(ways: list[Neighbourhood], shown: set[Ref]) -> list[LineageEdge]:
    pairs: dict[tuple[Ref, Ref], str] = {}
    for way in ways:
        for hop in way.every_hop():
            child, parent = (hop.near, hop.far) if way.direction == "back" else (hop.far, hop.near)
            if child in shown and parent in shown:
                pairs.setdefault((child, parent), hop.relation)
    return [
        LineageEdge(child=str(child), parent=str(parent), relation=relation)
        for (child, parent), relation in pairs.items()
    ]


__all__ = ["Direction", "lineage_graph", "row_impact"]
