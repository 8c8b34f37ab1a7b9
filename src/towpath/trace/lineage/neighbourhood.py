"""The part of the graph around a node that an answer may hold, explored level by level.

Each level costs a handful of statements, however many nodes it has: one step of the graph for all of them,
then the runs that were come by. A node with ten thousand neighbours gives the newest few and
their number. So an answer costs what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from towpath.core.refs import Ref
from towpath.ledger.records import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Edge, Near, Relation, Run, Version
    from towpath.trace.lineage.bounds import Bounds, Direction

# What matters most to a reader, in the order of reading; what is cut off goes from the end.
ORDER = (
    "release",
    "service",
    "model",
    "run",
    "code",
    "parameters",
    "environment",
    "feature_service",
    "features",
    "dataset",
)
_STEPS_EACH = 4
"""How many edges are fetched for each neighbour that may be shown: in the readable form the steps of a
run are drawn as the run, and artefacts not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step that a reader sees.

    Attributes:
        near: Where it leads from.
        far: Where it leads to.
        relation: The graph's word for the edge.
        is_leaf: Whether it ends there: a model that nothing was made from, only weighed or watched.
    """

    near: Ref
    far: Ref
    relation: Relation
    is_leaf: bool


@dataclass(slots=True, kw_only=True)
class Neighbourhood:
    """What was found around a node.

    Attributes:
        root: The node.
        direction: Which way it was looked.
        hops: The steps from each node, in the order of reading.
        runs: Every run among the nodes, by id.
        versions: Every version among them.
        more: How many edges lead on from a node to what is not here.
        distances: Every node, and how many steps it is away.
        complete: Whether nothing was left out but what `Bounds.depth` cuts off.
    """

    root: Ref
    direction: Direction
    hops: dict[Ref, list[Hop]] = field(default_factory=dict[Ref, list[Hop]])
    runs: dict[str, Run] = field(default_factory=dict[str, "Run"])
    versions: dict[Ref, Version] = field(default_factory=dict[Ref, "Version"])
    more: dict[Ref, int] = field(default_factory=dict[Ref, int])
    distances: dict[Ref, int] = field(default_factory=dict[Ref, int])

    @property
    def complete(self) -> bool:
        """Whether nothing was left out but what a depth cuts off."""
        return not self.more

    def counted(self) -> Reach:
        """Return how many nodes are here, by kind; what `more` leads to is not among them."""
        kinds: dict[str, int] = {}
        for ref in self.distances:
            if ref != self.root:
                run = self.runs.get(ref.name) if ref.kind == "run" else None
                kind = "step" if run is not None and run.kind == "step" else ref.kind
                kinds[kind] = kinds.get(kind, 0) + 1
        return Reach(kinds=kinds, complete=self.complete)

    def every_hop(self) -> Iterator[Hop]:
        """Yield all steps between the nodes."""
        for hops in self.hops.values():
            yield from hops


def explore(tx: Transaction, root: Ref, direction: Direction, bounds: Bounds) -> Neighbourhood:
    """Return the neighbourhood of a node, nearest first, within bounds."""
    explorer = _Explorer(tx, Neighbourhood(root=root, direction=direction), bounds)
    explorer.explore()
    return explorer.found


class _Explorer:
    def __init__(self, tx: Transaction, found: Neighbourhood, bounds: Bounds) -> None:
        self._tx = tx
        self.found = found
        self._bounds = bounds
        self._backwards = found.direction == "back"

    def explore(self) -> None:
        found, bounds = self.found, self._bounds
        found.distances[found.root] = 0
        self._learn([found.root])
        level, depth = [found.root], 0
        while level and (bounds.depth is None or depth < bounds.depth):
            depth += 1
            level = self._step(level, depth)
        # Versions decide nothing on the way, so they are looked up once for all levels.
        numbered = sorted(ref for ref in found.distances if ref.version is not None)
        found.versions |= self._tx.versions.some(numbered) if numbered else {}

    def _step(self, level: list[Ref], depth: int) -> list[Ref]:
        """Take one step from all nodes of a level; return those that were not known before."""
        most = self._bounds.width * (1 if self._bounds.full else _STEPS_EACH)
        near = self._tx.graph.near(level, backwards=self._backwards, most=most)
        self._learn(
            edge.parent if self._backwards else edge.child
            for one in near.values()
            for edge in one.edges
        )
        onward: dict[Ref, None] = {}
        for node in level:
            hops = self._hops(near[node])
            shown = self._within(hops)
            self.found.hops[node] = shown
            cut = near[node].total - len(near[node].edges) + len(hops) - len(shown)
            if cut:
                self.found.more[node] = cut
            for hop in shown:
                self.found.distances.setdefault(hop.far, depth)
                if not hop.is_leaf:
                    onward[hop.far] = None
        # A leaf to one node may be none to another, so what counts is what was stepped from.
        return [node for node in onward if node not in self.found.hops]

    def _within(self, hops: list[Hop]) -> list[Hop]:
        """Keep as many as may be shown: of one node, and of all together."""
        kept: list[Hop] = []
        known = self.found.distances
        fresh: set[Ref] = set()
        for hop in hops[: self._bounds.width]:
            if hop.far not in known:
                if len(known) + len(fresh) >= self._bounds.nodes:
                    continue
                fresh.add(hop.far)
            kept.append(hop)
        return kept

    def _hops(self, near: Near) -> list[Hop]:
        """Return the distinct steps that a reader sees from a node, what matters most first."""
        hops: dict[Ref, Hop] = {}
        for edge in near.edges:
            there = edge.parent if self._backwards else edge.child
            far = there if self._bounds.full else self._lifted(there)
            if far is None or far == near.node or far in hops:
                continue
            tunes = self._tunes(edge)
            if tunes and not self._bounds.full:
                continue  # for people the model that came of it says so
            is_leaf = edge.relation == "used" and edge.parent.kind == "model" and not tunes
            hops[far] = Hop(near=near.node, far=far, relation=edge.relation, is_leaf=is_leaf)
        return sorted(hops.values(), key=lambda hop: _rank(hop.far))

    def _lifted(self, ref: Ref) -> Ref | None:
        """Return what stands for a node in the readable form; None when nothing does."""
        if ref.kind == "artifact":
            return None
        run = self.found.runs.get(ref.name) if ref.kind == "run" else None
        return Ref("run", run.parent) if run and run.kind == "step" and run.parent else ref

    def _tunes(self, edge: Edge) -> bool:
        """Tell whether a use of a model is that of a step, which goes on from its weights."""
        if edge.relation != "used" or edge.parent.kind != "model":
            return False
        run = self.found.runs.get(edge.child.name)
        return run is not None and run.kind == "step"

    def _learn(self, refs: Iterable[Ref]) -> None:
        """Look up the runs among some nodes, and the runs that steps belong to."""
        found, wanted = self.found, set(refs)
        runs = {ref.name for ref in wanted if ref.kind == "run"} - found.runs.keys()
        while runs:
            known = self._tx.runs.some(sorted(runs))
            found.runs |= known
            parents = {run.parent for run in known.values() if run.kind == "step" and run.parent}
            runs = parents - found.runs.keys() if not self._bounds.full else set[str]()


def _rank(ref: Ref) -> int:
    """Order by kind; the sort is stable, so the newest of a kind stay first."""
    return ORDER.index(ref.kind) if ref.kind in ORDER else len(ORDER)


__all__ = ["ORDER", "Hop", "Neighbourhood", "explore"]
