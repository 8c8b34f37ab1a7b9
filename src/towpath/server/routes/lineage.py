"""Lineage: the graph around a node, the way back and forth from anything, and what rows reached."""

from __future__ import annotations

from typing import Annotated

from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.server.resources.lineage import (
    DecisionTrace,
    LineageGraph,
    LineageTree,
    OpenLineageEvents,
    RowImpact,
    RowsAsked,
)
from towpath.server.routes.given import Given, Limit
from towpath.server.routes.reading import read
from towpath.server.routes.writing import Actor, write
from towpath.server.views.lineage import Direction, lineage_graph, row_impact
from towpath.trace.lineage import Bounds, open_lineage
from towpath.trace.lineage import Direction as Way

_ACTOR = "server"
_LIST_MOST = 1_000

Depth = Annotated[int | None, QueryParameter(ge=0, le=100, description="Steps; all without it.")]
Full = Annotated[bool, QueryParameter(description="Show step runs and artefacts too.")]
What = Annotated[
    str,
    QueryParameter(
        description="`kind:name@version`, `run:ID`, `decision:ID`, `alert:NAME`, `service:NAME`, …"
    ),
]


@read("/lineage", tag="reverse")
def show_lineage(
    services: Given,
    *,
    ref: Annotated[str, QueryParameter(description="`kind:name@version` or `run:ID`.")],
    direction: FromQuery[Direction] = "both",
    full: Full = False,
    depth: Depth = None,
    limit: Limit = 200,
) -> LineageGraph:
    """Show what a node depends on and what depends on it, nearest first; the rest is counted."""
    return lineage_graph(
        services.tracer,
        Ref.parse(ref),
        direction=direction,
        full=full,
        limit=limit,
        depth=depth,
    )


@read("/lineage/tree", tag="reverse")
def show_tree(
    services: Given,
    *,
    ref: What,
    direction: FromQuery[Way] = "back",
    full: Full = False,
    depth: Depth = None,
    limit: Limit = 200,
) -> LineageTree:
    """Trace anything back, or show what it reaches. Reading a decision is recorded in the log."""
    bounds = Bounds(depth=depth, nodes=limit, full=full)
    tree = services.tracer.ask(ref, direction, bounds=bounds, actor=_ACTOR, payload=False)
    return LineageTree(ref=tree.root.ref, direction=direction, tree=tree.to_json())


@read("/lineage/events", tag="reverse")
def show_events(
    services: Given,
    *,
    ref: Annotated[str, QueryParameter(description="`kind:name@version` or `run:ID`.")],
    direction: FromQuery[Way] = "back",
    full: Full = False,
    depth: Depth = None,
    limit: Limit = 200,
) -> OpenLineageEvents:
    """Show the graph from a node as OpenLineage events."""
    bounds = Bounds(depth=depth, nodes=limit, full=full)
    found = services.tracer.neighbourhood(Ref.parse(ref), direction, bounds=bounds)
    return OpenLineageEvents(events=open_lineage(found), truncated=not found.complete)


@write("/lineage/rows", tag="reverse")
def show_rows(services: Given, data: JSONBody[RowsAsked], actor: Actor) -> RowImpact:
    """Show which versions, runs, models and decisions rows reached. Asking is recorded in the log.

    It changes nothing but the log: it is a POST because its condition may name somebody, and addresses
    of pages are kept in many places.
    """
    if services.rows is None:
        raise NotFound("this server follows no rows", remedy="Start it with a whole home.")
    found = services.rows.impact(Ref.parse(data.ref), data.where, actor=actor)
    return row_impact(found, limit=max(1, min(data.limit, _LIST_MOST)))


@read("/decisions/{decision_id:str}/trace", tag="reverse")
def trace_decision(services: Given, decision_id: FromPath[str]) -> DecisionTrace:
    """Trace one decision back to its data. Inputs stay out; the read is recorded in the log."""
    tree = services.tracer.trace_decision(decision_id, actor=_ACTOR, payload=False)
    return DecisionTrace(decision_id=decision_id, tree=tree.to_json())


HANDLERS = [show_lineage, show_tree, show_events, show_rows, trace_decision]
