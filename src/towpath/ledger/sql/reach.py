"""How far the graph reaches from a node: a few edges of many nodes at once, and counts of all there is.

Neither costs more than it answers. `near` reads the newest edges of each node by the order that the
index has them in, and counts the rest without fetching it. `reach` counts inside the database, and stops
where it is told to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.core.refs import Ref
from towpath.ledger.records import Edge, Near, Reach, Relation
from towpath.ledger.sql.session import chunked
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.sql.session import Query, Record, Session

_nodes = tables.nodes
_edges = tables.edges
_STEP = "step"


def near(
    session: Session, ids: Mapping[int, Ref], *, backwards: bool, most: int
) -> tuple[dict[Ref, Near], dict[Ref, int]]:
    """Return the newest edges of some nodes, by node, and the ids of what they lead to.

    See `Graph.near`. The ids spare the next step a search for nodes by their names.
    """
    start, end = _ends(backwards=backwards)
    totals = dict.fromkeys(ids, 0)
    for piece in chunked(list(ids)):
        count = sa.select(start, sa.func.count()).where(start.in_(piece)).group_by(start)
        totals |= dict(session.rows(count))
    rows: list[Record] = []
    narrow = [node for node, total in totals.items() if 0 < total <= most]
    for piece in chunked(narrow):
        rows += session.rows(_edges_of(start, end).where(start.in_(piece)).order_by(end.desc()))
    for node, total in totals.items():
        if total > most:
            newest = _edges_of(start, end).where(start == node).order_by(end.desc()).limit(most)
            rows += session.rows(newest)
    edges: dict[int, list[Edge]] = {node: [] for node in ids}
    met: dict[Ref, int] = {}
    for row in rows:
        there = Ref(row.kind, row.name, row.version or None)
        met[there] = row.far
        child, parent = (ids[row.near], there) if backwards else (there, ids[row.near])
        relation: Relation = row.relation
        edges[row.near].append(Edge(child=child, parent=parent, relation=relation))
    found = {
        ref: Near(node=ref, total=totals[node], edges=tuple(edges[node]))
        for node, ref in ids.items()
    }
    return found, met


def reach(session: Session, node: int, *, backwards: bool, most: int | None) -> Reach:
    """Count what is reached from a node, by kind; see `Graph.reach`."""
    start, end = _ends(backwards=backwards)
    reached = sa.select(sa.literal(node, sa.BigInteger).label("id")).cte("reached", recursive=True)
    onward = (
        sa.select(end)
        .select_from(reached.join(_edges, start == reached.c.id))
        .where(sa.not_(_weighing()))
    )
    reached = reached.union(onward)
    # The database evaluates a recursive query as far as it is read, one row more than may be counted.
    found = sa.select(reached.c.id).limit(None if most is None else most + 2).subquery()
    kind = sa.case(
        (
            _nodes.c.kind == "run",
            sa.func.coalesce(
                sa.select(sa.literal(_STEP))
                .where(tables.runs.c.id == _nodes.c.name, tables.runs.c.kind == _STEP)
                .scalar_subquery(),
                "run",
            ),
        ),
        else_=_nodes.c.kind,
    ).label("sort")
    rows = session.rows(
        sa.select(kind, sa.func.count())
        .select_from(found.join(_nodes, _nodes.c.id == found.c.id))
        .where(found.c.id != node)
        .group_by(kind)
        .order_by(kind)
    )
    kinds = dict(rows)
    return Reach(kinds=kinds, complete=most is None or sum(kinds.values()) <= most)


def _ends(*, backwards: bool) -> tuple[sa.Column[int], sa.Column[int]]:
    """Return the column that a walk comes from, and the one that it goes to."""
    return (_edges.c.child, _edges.c.parent) if backwards else (_edges.c.parent, _edges.c.child)


def _edges_of(start: sa.Column[int], end: sa.Column[int]) -> Query:
    return sa.select(
        start.label("near"),
        end.label("far"),
        _edges.c.relation,
        _nodes.c.kind,
        _nodes.c.name,
        _nodes.c.version,
    ).select_from(_edges.join(_nodes, _nodes.c.id == end))


def _weighing() -> sa.ColumnElement[bool]:
    """Return whether an edge says that a run used a model without going on from its weights.

    Only steps do that; what else uses a model weighs a candidate against it, watches it or draws from
    its decisions. What a champion was made from is no ancestor of its challenger.
    """
    child, run = _nodes.alias("child_node"), tables.runs
    of_model = sa.exists().where(_nodes.c.id == _edges.c.parent, _nodes.c.kind == "model")
    by_step = (
        sa.exists()
        .select_from(child.join(run, run.c.id == child.c.name))
        .where(child.c.id == _edges.c.child, run.c.kind == _STEP)
    )
    return sa.and_(_edges.c.relation == "used", of_model, sa.not_(by_step))


__all__ = ["near", "reach"]
