"""The outline of a run: which calls it will make and what waits for what, kept from its first moment.

The ledger knows a step once it began. An outline lets a run's picture show those that are still to
come. It holds names alone, no argument and no value, so it is nothing that an erasure must look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.finetuning import Registered
from towpath.build.pipelines.authoring.graphs import BranchNode, Node, needs, parts_of
from towpath.build.pipelines.authoring.handles import Output
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from towpath.build.pipelines.authoring.graphs import AnyNode, Graph

OUTLINE_TAG = "outline"
"""The tag of a pipeline's run that holds the digest of its outline's blob."""


class OutlineNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node to be.

    Attributes:
        name: Its name in the graph, which its run has as well.
        step: The step's path, `MODULE.NAME`; what else it is, for a node that is no step.
        kind: `step`, `when`, or what a driver node does: `map`, `search`.
        needs: Positions of the nodes that it waits for: those it reads from, and those that decide
            whether it runs at all.
        reads: Data sets that it reads, by name.
        bases: Registered models that it goes on from, by name.
    """

    name: str
    step: str
    kind: str = "step"
    needs: tuple[int, ...] = ()
    reads: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()


class OutlineCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """A model that will be proposed.

    Attributes:
        name: The model's.
        needs: Position of the node that makes it.
    """

    name: str
    needs: int


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """A run's nodes in an order of dependence, and the models that it proposes."""

    nodes: tuple[OutlineNode, ...]
    candidates: tuple[OutlineCandidate, ...] = ()


def encode_outline(graph: Graph) -> bytes:
    """Write a graph's outline down. Equal graphs have equal bytes; costs nodes plus edges."""
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    outline = Outline(
        nodes=tuple(_outlined(graph, node, places) for node in graph.nodes),
        candidates=tuple(
            OutlineCandidate(name=one.name, needs=places[one.model.node])
            for one in graph.candidates
        ),
    )
    return msgspec.json.encode(outline)


def decode_outline(data: bytes) -> Outline:
    """Read an outline. Raises `IntegrityError` for anything else."""
    try:
        return msgspec.json.decode(data, type=Outline)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"this is no outline of a run: {error}") from error


def _outlined(graph: Graph, node: AnyNode, places: dict[str, int]) -> OutlineNode:
    parts = [
        part
        for one in node.inputs.values()
        if not isinstance(one, Output)
        for part in parts_of(one)
        if not isinstance(part, Output)
    ]
    deciding = {_test_of(graph.nodes[places[guard.branch]]) for guard in node.guards}
    return OutlineNode(
        name=node.name,
        step=node.path,
        kind="step" if isinstance(node, Node) else node.path,
        needs=tuple(sorted(places[one] for one in needs(node) | deciding)),
        reads=tuple(sorted({one.line.name for one in parts if isinstance(one, Selection)})),
        bases=tuple(sorted({one.name for one in parts if isinstance(one, Registered)})),
    )


def _test_of(branch: AnyNode) -> str:
    """Return the node whose result decides which case of a branch is taken."""
    assert isinstance(branch, BranchNode)
    return branch.test.node
