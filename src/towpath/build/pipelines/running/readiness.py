"""Which nodes can go on: counted down as results arrive, so that all of it costs nodes plus edges."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from towpath.build.pipelines.authoring.graphs import BranchNode, needs
from towpath.build.pipelines.authoring.handles import Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.build.pipelines.authoring.graphs import AnyNode


class Readiness:
    """The nodes of a graph that wait, and how many things each waits for. Not thread-safe.

    A branch node is ready twice: first when its test is there, so that a case is chosen (`choose`),
    and again when the chosen case's result is.

    Args:
        nodes: In an order of dependence.
    """

    def __init__(self, nodes: Iterable[AnyNode]) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._missing: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = {}
        self._guarded: dict[str, list[AnyNode]] = {}
        self._chosen: dict[str, int] = {}
        self._over: set[str] = set()
        self._ready: deque[str] = deque()
        for node in self._nodes.values():
            awaited = {node.test.node} if isinstance(node, BranchNode) else needs(node)
            awaited |= {_opening(guard.branch) for guard in node.guards}
            self._missing[node.name] = len(awaited)
            for name in awaited:
                self._dependents.setdefault(name, []).append(node.name)
            for guard in node.guards:
                self._guarded.setdefault(guard.branch, []).append(node)
            if not awaited:
                self._ready.append(node.name)

    @property
    def left(self) -> int:
        """How many nodes have neither arrived nor been skipped."""
        return len(self._nodes) - len(self._over)

    @property
    def has_ready(self) -> bool:
        """Whether `take` has something to give."""
        return bool(self._ready)

    def take(self) -> list[AnyNode]:
        """Return the nodes that have become ready since the last time, in order of their becoming so."""
        found = [name for name in self._ready if name not in self._over]
        self._ready.clear()
        return [self._nodes[name] for name in found]

    def arrive(self, name: str) -> None:
        """Take note that a node has its result."""
        self._over.add(name)
        self._release(name)

    def chosen(self, node: BranchNode) -> int | None:
        """Return the case that was chosen, None before that."""
        return self._chosen.get(node.name)

    def choose(self, node: BranchNode, case: int) -> list[str]:
        """Take a case of a branch; return the names of the nodes that are never going to run."""
        self._chosen[node.name] = case
        skipped: list[str] = []
        for one in self._guarded.get(node.name, ()):
            taken = next(guard.case for guard in one.guards if guard.branch == node.name)
            if taken != case and one.name not in self._over:
                self._over.add(one.name)
                skipped.append(one.name)
        self._release(_opening(node.name))
        result = None if node.results is None else node.results[case]
        if isinstance(result, Output) and result.node not in self._over:
            self._missing[node.name] = 1
            self._dependents.setdefault(result.node, []).append(node.name)
        else:
            self._ready.append(node.name)
        return skipped

    def is_over(self, name: str) -> bool:
        """Tell whether a node has arrived, or was skipped."""
        return name in self._over

    def _release(self, name: str) -> None:
        for dependent in self._dependents.pop(name, ()):
            self._missing[dependent] -= 1
            if not self._missing[dependent]:
                self._ready.append(dependent)


def _opening(branch: str) -> str:
    """Name what nodes inside a branch wait for, besides what they read."""
    return f"{branch}?"
