"""How far the graph reaches from a node: a few edges of many nodes at once, and counts of all there is.

Neither costs more than it answers. `near` reads the newest edges of each node by the order that the
index has them in, and counts the rest without fetching it. `reach` counts inside the database, and stops
where it is told to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from towpath.core.refs import Ref
from towpath.ledger.records import Edge, Near, Reach, Relation
from towpath.ledger.sql.given import among
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.sql.session import Query, Record, Session

_nodes = tables.nodes
_edges = tables.edges
_STEP = "step"
_ALL = 2**62
_NODE = sa.bindparam("node", type_=sa.BigInteger)


def near(
    session: Session, ids: Mapping[int, Ref], *, backwards: bool, most: int
) -> tuple[dict[Ref, Near], dict[Ref, int]]:
    """Return the newest edges of some nodes, by node, and the ids of what they lead to.

    See `Graph.near`. The ids spare the next step a search for nodes by their names.
    """
    way = _BACK if backwards else _FORTH
    totals = dict(session.rows(way.counted, ids=list(ids)))
    rows: list[Record] = []
    # Counted first: an index gives the number alone, and what is too wide is never fetched whole.
    narrow = [node for node, total in totals.items() if total <= most]
    if narrow:
        rows += session.rows(way.every, ids=narrow)
    for node, total in totals.items():
        if total > most:
            rows += session.rows(way.newest, node=node, most=most)
    edges: dict[int, list[Edge]] = {node: [] for node in ids}
    met: dict[Ref, int] = {}
    for row in rows:
        there = Ref(row.kind, row.name, row.version or None)
        met[there] = row.far
        child, parent = (ids[row.near], there) if backwards else (there, ids[row.near])
        relation: Relation = row.relation
        edges[row.near].append(Edge(child=child, parent=parent, relation=relation))
    found = {
        ref: Near(node=ref, total=totals.get(node, 0), edges=tuple(edges[node]))
        for node, ref in ids.items()
    }
    return found, met


def reach(session: Session, node: int, *, backwards: bool, most: int | None) -> Reach:
    """Count what is reached from a node, by kind; see `Graph.reach`."""
    way = _BACK if backwards else _FORTH
    # The database evaluates a recursive query as far as it is read, one row more than may be counted.
    limit = _ALL if most is None else most + 2
    kinds = dict(session.rows(way.reached, node=node, limit=limit))
    return Reach(kinds=kinds, complete=most is None or sum(kinds.values()) <= most)


def _ends(*, backwards: bool) -> tuple[sa.Column[int], sa.Column[int]]:
    """Return the column that a walk comes from, and the one that it goes to."""
    return (_edges.c.child, _edges.c.parent) if backwards else (_edges.c.parent, _edges.c.child)


@dataclass(frozen=True, slots=True)
class _Way:
    """The statements of one step.

    Attributes:
        counted: How many edges each of the nodes `ids` has; none where it has none.
        every: All edges of `ids`, newest first.
        newest: The newest `most` edges of one `node`.
        reached: How many of each kind of thing are reached from `node`, among the first `limit`.
    """

    counted: Query
    every: Query
    newest: Query
    reached: Query

    @classmethod
    def of(cls, *, backwards: bool) -> Self:
        start, end = _ends(backwards=backwards)
        count = sa.select(start, sa.func.count()).where(among(start, "ids")).group_by(start)
        edges = (
            sa.select(
                *(start.label("near"), end.label("far"), _edges.c.relation),
                *(_nodes.c.kind, _nodes.c.name, _nodes.c.version),
            )
            .select_from(_edges.join(_nodes, _nodes.c.id == end))
            .order_by(end.desc())
        )
        most = sa.bindparam("most", type_=sa.BigInteger)
        return cls(
            counted=count,
            every=edges.where(among(start, "ids")),
            newest=edges.where(start == _NODE).limit(most),
            reached=_reached(backwards=backwards),
        )


def _reached(*, backwards: bool) -> Query:
    start, end = _ends(backwards=backwards)
    # The kind goes along with the number: where a walk ends is known without looking anything up again.
    reached = (
        sa.select(_nodes.c.id, _sort_of(_nodes).label("sort"))
        .where(_nodes.c.id == _NODE)
        .cte("reached", recursive=True)
    )
    there = _nodes.alias("there")
    onward = (
        sa.select(there.c.id, _sort_of(there))
        .select_from(reached.join(_edges, start == reached.c.id).join(there, there.c.id == end))
        .where(sa.not_(_weighs(reached, there, backwards=backwards)))
    )
    reached = reached.union(onward)
    limit = sa.bindparam("limit", type_=sa.BigInteger)
    found = sa.select(reached.c.id, reached.c.sort).limit(limit).subquery()
    count = sa.select(found.c.sort, sa.func.count()).where(found.c.id != _NODE)
    return count.group_by(found.c.sort).order_by(found.c.sort)


def _sort_of(node: sa.FromClause) -> sa.ColumnElement[str]:
    """Return a node's kind, with runs of steps told apart from others."""
    sort = sa.case((_is_step(node), _STEP), else_=node.c.kind)
    return sa.cast(sort, tables.Word)  # both halves of a recursive query must have one type


def _is_step(node: sa.FromClause) -> sa.ColumnElement[bool]:
    run = tables.runs
    known = sa.exists().where(run.c.id == node.c.name, run.c.kind == _STEP)
    return sa.and_(node.c.kind == "run", known)


def _weighs(
    here: sa.FromClause, there: sa.FromClause, *, backwards: bool
) -> sa.ColumnElement[bool]:
    """Return whether an edge says that a run used a model without going on from its weights.

    Only steps do that; what else uses a model weighs a candidate against it, watches it or draws from
    its decisions. What a champion was made from is no ancestor of its challenger.
    """
    if backwards:
        ends = sa.and_(there.c.kind == "model", here.c.sort != _STEP)
    else:
        ends = sa.and_(here.c.sort == "model", sa.not_(_is_step(there)))
    return sa.and_(_edges.c.relation == "used", ends)


_BACK, _FORTH = _Way.of(backwards=True), _Way.of(backwards=False)

__all__ = ["near", "reach"]
