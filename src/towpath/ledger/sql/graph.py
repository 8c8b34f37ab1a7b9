"""The lineage graph: interned nodes, edges of small integers, walks as one recursive query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.core.refs import Ref
from towpath.ledger.records import Edge, Lineage, Near, Reach, Relation
from towpath.ledger.sql.reach import near, reach
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import insert_all_new, insert_new
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.session import Query, Session

_nodes = tables.nodes
_edges = tables.edges


class SqlGraph:
    """See `Graph`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events
        self._met: dict[Ref, int] = {}  # a node keeps its id

    def link(self, child: Ref, relation: Relation, parent: Ref) -> None:
        """See `Graph.link`."""
        added = insert_new(
            self._session,
            _edges,
            {"child": self._intern(child), "parent": self._intern(parent), "relation": relation},
        )
        if added:
            self._events.append("edge.linked", str(child), relation=relation, parent=str(parent))

    def link_all(self, links: Iterable[tuple[Ref, Relation, Ref]]) -> None:
        """See `Graph.link_all`."""
        wanted = list(dict.fromkeys(links))
        if not wanted:
            return
        ids = self._intern_all({ref for child, _, parent in wanted for ref in (child, parent)})
        rows = {
            (ids[child], ids[parent], relation): (child, relation, parent)
            for child, relation, parent in wanted
        }
        old: set[tuple[int, int, str]] = set()
        for piece in chunked(list(rows)):
            query = sa.select(_edges).where(
                _edges.c.child.in_({child for child, _, _ in piece}),
                _edges.c.parent.in_({parent for _, parent, _ in piece}),
            )
            old |= {(row.child, row.parent, row.relation) for row in self._session.rows(query)}
        new = [row for row in rows if row not in old]
        values = [{"child": c, "parent": p, "relation": relation} for c, p, relation in new]
        insert_all_new(self._session, _edges, values)
        for row in new:
            child, relation, parent = rows[row]
            self._events.append("edge.linked", str(child), relation=relation, parent=str(parent))

    def trace(self, node: Ref, *, depth: int | None = None) -> Lineage:
        """See `Graph.trace`."""
        return self._walk(node, backwards=True, depth=depth)

    def impact(self, node: Ref, *, depth: int | None = None) -> Lineage:
        """See `Graph.impact`."""
        return self._walk(node, backwards=False, depth=depth)

    def near(self, nodes: Sequence[Ref], *, backwards: bool, most: int) -> dict[Ref, Near]:
        """See `Graph.near`."""
        ids = {found: ref for ref in nodes if (found := self._known(ref)) is not None}
        known, met = near(self._session, ids, backwards=backwards, most=most)
        self._met |= met
        return {ref: known.get(ref) or Near(node=ref, total=0, edges=()) for ref in nodes}

    def reach(self, node: Ref, *, backwards: bool, most: int | None = None) -> Reach:
        """See `Graph.reach`."""
        start = self._known(node)
        if start is None:
            return Reach(kinds={}, complete=True)
        return reach(self._session, start, backwards=backwards, most=most)

    def _known(self, ref: Ref) -> int | None:
        """Return a node's id, without asking again for what a walk has met."""
        found = self._met.get(ref) or self._find(ref)
        if found is not None:
            self._met[ref] = found
        return found

    def _intern(self, ref: Ref) -> int:
        found = self._find(ref)
        if found is not None:
            return found
        values = {"kind": ref.kind, "name": ref.name, "version": ref.version or 0}
        row = self._session.write(sa.insert(_nodes).values(values).returning(_nodes.c.id)).one()
        return row.id

    def _intern_all(self, refs: Iterable[Ref]) -> dict[Ref, int]:
        wanted = {(ref.kind, ref.name, ref.version or 0): ref for ref in refs}
        found = self._found(wanted)
        missing = [key for key in wanted if key not in found]
        rows = [{"kind": kind, "name": name, "version": number} for kind, name, number in missing]
        insert_all_new(self._session, _nodes, rows)
        found |= self._found(missing)
        return {ref: found[key] for key, ref in wanted.items()}

    def _found(self, keys: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str, int], int]:
        """Return the ids of nodes by what they stand for; names alone are looked up, kinds are few."""
        wanted = set(keys)
        found: dict[tuple[str, str, int], int] = {}
        for piece in chunked(sorted(wanted)):
            query = sa.select(_nodes).where(
                _nodes.c.kind.in_({kind for kind, _, _ in piece}),
                _nodes.c.name.in_({name for _, name, _ in piece}),
            )
            for row in self._session.rows(query):
                if (row.kind, row.name, row.version) in wanted:
                    found[row.kind, row.name, row.version] = row.id
        return found

    def _find(self, ref: Ref) -> int | None:
        query = sa.select(_nodes.c.id).where(
            _nodes.c.kind == ref.kind,
            _nodes.c.name == ref.name,
            _nodes.c.version == (ref.version or 0),
        )
        row = self._session.first(query)
        return None if row is None else row.id

    def _walk(self, root: Ref, *, backwards: bool, depth: int | None) -> Lineage:
        start = self._find(root)
        if start is None or depth == 0:
            return Lineage(root=root, nodes=(root,), edges=())
        near, far = (
            (_edges.c.child, _edges.c.parent) if backwards else (_edges.c.parent, _edges.c.child)
        )
        query = _steps(start, near, far) if depth is None else _bounded(start, near, far, depth)
        rows = self._session.rows(query)
        refs = {start: root}
        for row in rows:
            refs[row.far] = Ref(row.kind, row.name, row.version or None)
        onward: dict[int, list[tuple[int, Relation]]] = {}
        for row in rows:
            onward.setdefault(row.near, []).append((row.far, row.relation))
        # The query finds the part that is reached; its order is the walk's, and stable.
        nodes, edges, queue, seen = [root], list[Edge](), [start], {start}
        for here in queue:
            for there, relation in sorted(
                onward.get(here, ()), key=lambda hop: (refs[hop[0]].kind, refs[hop[0]])
            ):
                child, parent = (here, there) if backwards else (there, here)
                edges.append(Edge(child=refs[child], parent=refs[parent], relation=relation))
                if there not in seen:
                    seen.add(there)
                    queue.append(there)
                    nodes.append(refs[there])
        return Lineage(root=root, nodes=tuple(nodes), edges=tuple(edges))


def _steps(start: int, near: sa.Column[int], far: sa.Column[int]) -> Query:
    """Every edge reached. Without a depth in the row, `UNION` visits each node only once."""
    reached = sa.select(sa.literal(start, sa.BigInteger).label("id")).cte("reached", recursive=True)
    reached = reached.union(sa.select(far).select_from(reached.join(_edges, near == reached.c.id)))
    return _outgoing(reached, near, far)


def _bounded(start: int, near: sa.Column[int], far: sa.Column[int], depth: int) -> Query:
    """Every edge within `depth` hops; a node is visited at most once per hop count."""
    walked = sa.select(
        sa.literal(start, sa.BigInteger).label("id"), sa.literal(0, sa.Integer).label("hops")
    ).cte("walked", recursive=True)
    walked = walked.union(
        sa.select(far, walked.c.hops + 1)
        .select_from(walked.join(_edges, near == walked.c.id))
        .where(walked.c.hops < depth)
    )
    reached = sa.select(walked.c.id).where(walked.c.hops < depth).distinct().cte("reached")
    return _outgoing(reached, near, far)


def _outgoing(reached: sa.CTE, near: sa.Column[int], far: sa.Column[int]) -> Query:
    return sa.select(
        near.label("near"),
        far.label("far"),
        _edges.c.relation,
        _nodes.c.kind,
        _nodes.c.name,
        _nodes.c.version,
    ).select_from(reached.join(_edges, near == reached.c.id).join(_nodes, _nodes.c.id == far))
