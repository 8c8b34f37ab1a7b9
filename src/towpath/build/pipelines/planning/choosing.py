"""A part of a pipeline: one step, up to a step, from a step on; and what is to be done anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from towpath.build.pipelines.authoring.graphs import needs
from towpath.build.pipelines.authoring.handles import Output
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.build.pipelines.authoring.graphs import AnyNode, Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of a pipeline a run is about. At most one of `only`, `until` and `start` is given.

    Attributes:
        only: This step alone; what it reads must be in the cache.
        until: This step and all that it needs.
        start: This step and all that follows from it, done anew; what it reads must be in the cache.
        anew: Steps that are executed although their results are in the cache.
    """

    only: str | None = None
    until: str | None = None
    start: str | None = None
    anew: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a part comes to in a graph.

    Attributes:
        graph: Without what is left out; candidates go with the steps that they need.
        anew: Nodes whose results in the cache are not to be used.
        from_cache: Nodes whose results must be there already.
    """

    graph: Graph
    anew: frozenset[str] = frozenset()
    from_cache: frozenset[str] = frozenset()


def choose(graph: Graph, part: Part) -> Choice:
    """Work out a part of a graph. Costs its nodes and edges.

    Raises:
        UsageError: The part contradicts itself.
        NotFound: The graph has no such step.
    """
    if sum(one is not None for one in (part.only, part.until, part.start)) > 1:
        raise UsageError(
            "--only, --until and --from exclude each other", remedy="Give one of them."
        )
    nodes = {node.name: node for node in graph.nodes}
    for name in (part.only, part.until, part.start, *part.anew):
        if name is not None and name not in nodes:
            raise NotFound.named("step of this pipeline", name, nodes)
    anew = set(part.anew)
    if part.only is not None:
        before = _before(nodes, part.only)
        graph = replace(_kept(graph, {*before, part.only}), candidates=(), returned={})
        return Choice(graph=graph, anew=frozenset(anew), from_cache=frozenset(before - anew))
    if part.until is not None:
        graph = _kept(graph, {*_before(nodes, part.until), part.until})
        return Choice(graph=graph, anew=frozenset(anew))
    if part.start is not None:
        anew |= {part.start, *_after(graph.nodes, part.start)}
        before = _before(nodes, part.start)
        return Choice(graph=graph, anew=frozenset(anew), from_cache=frozenset(before - anew))
    return Choice(graph=graph, anew=frozenset(anew))


def _before(nodes: dict[str, AnyNode], name: str) -> set[str]:
    """Return the names of all that a node needs, directly or not."""
    found: set[str] = set()
    left = [name]
    while left:
        for needed in _needs(nodes[left.pop()]) - found:
            found.add(needed)
            left.append(needed)
    return found


def _after(nodes: Iterable[AnyNode], name: str) -> set[str]:
    """Return the names of all that needs a node, directly or not; nodes come in order of dependence."""
    found = {name}
    for node in nodes:
        if not _needs(node).isdisjoint(found):
            found.add(node.name)
    return found - {name}


def _needs(node: AnyNode) -> set[str]:
    return needs(node) | {guard.branch for guard in node.guards}


def _kept(graph: Graph, names: set[str]) -> Graph:
    """Return a graph of these nodes, with the candidates and results that can be had from them."""
    return replace(
        graph,
        nodes=tuple(node for node in graph.nodes if node.name in names),
        candidates=tuple(
            one
            for one in graph.candidates
            if one.model.node in names
            and (not isinstance(one.test, Output) or one.test.node in names)
            and all(guard.branch in names for guard in one.guards)
        ),
        returned={key: one for key, one in graph.returned.items() if one.node in names},
    )


__all__ = ["Choice", "Part", "choose"]
