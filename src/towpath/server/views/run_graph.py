"""A run's picture: its outline, coloured in with the runs of its calls.

A run whose outline is not there (an older one, or one that some other program recorded) is drawn from
its calls and the artefacts that went from one to the other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from towpath.build.pipelines import OUTLINE_TAG, decode_outline
from towpath.core.errors import NotFound
from towpath.server.resources.run_graph import RunEdge, RunGraph, RunNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.build.pipelines import Outline
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Run, RunPart
    from towpath.storage.blobs.contract import BlobStore

_CALLS_MOST = 20_000
_NODES_MOST = 60
_WALKED_MOST = 100
# What a node of several calls is said to be: the first of these that any of them is.
_WEIGHT = ("failed", "running", "ahead", "killed", "finished", "cached", "skipped")
_DRIVERS = frozenset(("map", "search"))
_THINGS = frozenset(("dataset", "model", "candidate"))


@dataclass(slots=True)
class _Node:
    """A node while it is being drawn."""

    kind: str
    title: str
    ref: str | None = None
    needs: set[str] = field(default_factory=set[str])
    calls: list[RunPart] = field(default_factory=list["RunPart"])
    planned: int = 0


def run_graph(tx: Transaction, blobs: BlobStore, run_id: str) -> RunGraph:
    """Return a run's picture. Raises `NotFound`.

    Costs one lean read of its calls, of which the newest 20,000 are counted; what is answered grows with
    the nodes that are drawn, not with the calls.
    """
    run = tx.runs.get(run_id)
    calls = tx.runs.parts(run_id, limit=_CALLS_MOST + 1)
    truncated = len(calls) > _CALLS_MOST
    calls = calls[:_CALLS_MOST][::-1]
    outline = _outline(blobs, run)
    if outline is None:
        nodes, folded = _walked(tx, calls), False
    else:
        folded = len(outline.nodes) > _NODES_MOST
        nodes = _outlined(tx, run, outline, calls, folded=folded)
    waiting = "ahead" if run.ended_at is None else "skipped"
    reached = {need for node in nodes.values() if node.calls for need in node.needs}
    return RunGraph(
        run=run_id,
        status=run.status,
        nodes=[
            _shown(name, node, waiting=waiting, reached=name in reached)
            for name, node in nodes.items()
        ],
        edges=[
            RunEdge(source=need, target=name)
            for name, node in nodes.items()
            for need in sorted(node.needs)
            if need != name and need in nodes
        ],
        folded=folded,
        truncated=truncated,
    )


def _outline(blobs: BlobStore, run: Run) -> Outline | None:
    digest = run.tags.get(OUTLINE_TAG)
    if digest is None:
        return None
    try:
        return decode_outline(blobs.get(digest))
    except NotFound:
        return None


def _outlined(
    tx: Transaction, run: Run, outline: Outline, calls: Iterable[RunPart], *, folded: bool
) -> dict[str, _Node]:
    """Return the outline's nodes, with the calls that belong to each."""
    read = {f"{ref.kind}:{ref.name}": str(ref) for ref in _inputs(tx, run)}
    nodes: dict[str, _Node] = {}
    homes: dict[str, str] = {}
    for one in outline.nodes:
        home = _plain(one.step) if folded else one.name
        homes[one.name] = home
        sources = [f"dataset:{name}" for name in one.reads]
        sources += [f"model:{name}" for name in one.bases]
        for source in sources:
            kind, _, name = source.partition(":")
            nodes.setdefault(source, _Node(kind, name, read.get(source)))
        node = nodes.setdefault(home, _Node(one.kind, home))
        node.planned += 1
        node.needs |= {homes[outline.nodes[place].name] for place in one.needs}
        node.needs |= set(sources)
    for call in calls:
        home = _home(call.name, homes)
        if home is not None:
            nodes[home].calls.append(call)
    for candidate in outline.candidates:
        maker = homes[outline.nodes[candidate.needs].name]
        model = _proposed(tx, run, candidate.name)
        name = f"candidate:{candidate.name}"
        nodes[name] = _Node("candidate", candidate.name, model, needs={maker})
    return nodes


def _home(name: str, homes: dict[str, str]) -> str | None:
    """Return the node that a call belongs to: its own, or the driver's whose name it begins with."""
    while name not in homes:
        name, slash, _ = name.rpartition("/")
        if not slash:
            return None
    return homes[name]


def _walked(tx: Transaction, calls: list[RunPart]) -> dict[str, _Node]:
    """Return nodes by the artefacts that went between calls; without them where there are many."""
    nodes: dict[str, _Node] = {}
    made: dict[Ref, str] = {}
    for call in calls:
        walks = len(nodes) < _WALKED_MOST
        needs: set[str] = set()
        for ref in _inputs(tx, call) if walks else ():
            if ref.kind == "dataset":
                nodes.setdefault(f"dataset:{ref.name}", _Node("dataset", ref.name, str(ref)))
                needs.add(f"dataset:{ref.name}")
            elif ref in made:
                needs.add(made[ref])
        node = nodes.setdefault(call.name, _Node("step", call.name))
        node.calls.append(call)
        node.needs |= needs
        for edge in tx.graph.impact(call.ref, depth=1).edges if walks else ():
            made[edge.child] = call.name
    return nodes


def _inputs(tx: Transaction, run: Run | RunPart) -> list[Ref]:
    return [edge.parent for edge in tx.graph.trace(run.ref, depth=1).edges]


def _proposed(tx: Transaction, run: Run, name: str) -> str | None:
    """Return the version of a model that the run made, if it has."""
    made = (edge.child for edge in tx.graph.impact(run.ref, depth=1).edges)
    found = [ref for ref in made if ref.kind == "model" and ref.name == name]
    return str(max(found)) if found else None


def _shown(name: str, node: _Node, *, waiting: str, reached: bool) -> RunNode:
    """Return a node as it is drawn.

    Args:
        name: Its name.
        node: What is known of it.
        waiting: What a call that has not begun is: `ahead`, or `skipped` once the run is over.
        reached: Whether something that needs it has begun.
    """
    # Newest last: an attempt takes the place of the one before.
    latest = {call.name: call for call in node.calls}
    own = latest.pop(name, None) if node.kind in _DRIVERS else None
    counts = Counter(_state(call) for call in latest.values())
    missing = node.planned - len(latest) - (own is not None)
    if missing > 0 and node.kind not in _DRIVERS:
        counts[waiting] += missing
    if node.kind in _THINGS:
        state = "finished" if node.ref else waiting
    elif own is not None:
        state = _state(own)
    elif node.kind == "when":
        state = "finished" if reached else waiting
    else:
        state = next((one for one in _WEIGHT if counts[one]), waiting)
    shown = [call for call in latest.values() if _state(call) == state]
    lead = own or (shown[-1] if shown else None)
    took = [call.seconds for call in latest.values() if not call.cached]
    return RunNode(
        id=name,
        kind=node.kind,
        title=node.title,
        state=state,
        counts=dict(counts),
        seconds=sum(took),
        run=None if lead is None else lead.id,
        ref=node.ref,
    )


def _state(call: RunPart) -> str:
    if call.cached:
        return "cached"
    return "ahead" if call.status == "scheduled" else call.status


def _plain(step: str) -> str:
    """Return a step's name without its module."""
    return step.rpartition(".")[2].rpartition(":")[2]
