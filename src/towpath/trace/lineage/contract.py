"""What lineage answers: where something came from, and what it reaches, as one neutral tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from towpath.trace.lineage.bounds import DEFAULT, Bounds, Direction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.core.refs import Ref
    from towpath.ledger.records import Json
    from towpath.trace.lineage.neighbourhood import Neighbourhood


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceNode:
    """One thing on the way, with what hangs below it.

    Attributes:
        ref: How the thing is named everywhere: `decision:…`, `release:prod@4`, `model:late@3`,
            `run:…`, `code:flights@1`, `dataset:flights@3`, `environment:…`, `parameters:…`.
        kind: The part of `ref` before the colon.
        relation: How the thing above came by this one (`answered by`, `includes`, `made by`,
            `used`, `ran with`, `fed`, …); empty at the root.
        facts: What is worth showing on its line, in the order to show it. JSON-able, and never
            personal data: a decision's inputs and outputs are here only where the caller asked for
            them, subjects appear as keyed hashes.
        children: What is one step further, in a stable order.
        repeated: The same thing stands elsewhere in the tree, with its children; here they are left
            out.
        more: How many edges lead on from here to what is not shown, because it would be too much; 0
            where `depth` cuts. In the readable form the edges of steps count among them.
    """

    ref: str
    kind: str
    relation: str = ""
    facts: Json = field(default_factory=dict)
    children: tuple[TraceNode, ...] = ()
    repeated: bool = False
    more: int = 0

    def walk(self) -> Iterator[TraceNode]:
        """Yield this node and all below it, depth first, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTree:
    """The answer to a trace (`back`, towards the sources) or an impact (`forth`, towards use).

    Attributes:
        root: What was asked about, with what hangs below it.
        direction: Which way.
        reached: How many nodes of each kind are reached, shown or not. Where all is shown, it counts
            that; otherwise the whole graph, with artefacts, and runs of steps as `step`. Empty for what
            is no node of the graph.
        complete: Whether `reached` is all there is; otherwise it is that at least.
    """

    root: TraceNode
    direction: Direction
    reached: dict[str, int] = field(default_factory=dict[str, int])
    complete: bool = True

    def refs(self, kind: str | None = None) -> list[str]:
        """Return the distinct references in the tree, in the order a reader meets them."""
        found = (node.ref for node in self.root.walk() if kind in (None, node.kind))
        return list(dict.fromkeys(found))

    def to_json(self) -> Json:
        """Return the tree as nested JSON objects: `direction`, `reached`, `complete` and `root`.

        Each node has `ref`, `kind`, `relation`, `facts`, `children`, and where it applies `repeated`
        and `more`.
        """
        return {
            "direction": self.direction,
            "reached": self.reached,
            "complete": self.complete,
            "root": _node_json(self.root),
        }


class Tracer(Protocol):
    """Walks the ledger's graph both ways, from anything. Thread-safe; an answer is one snapshot.

    What can be asked about, by its text:

    | text | |
    |---|---|
    | `model:late@3`, `dataset:flights@7`, `code:…`, `features:…`, `release:…`, … | a version, or the latest without a number |
    | `run:ID`, `artifact:DIGEST`, `environment:LOCK` | what was executed, what it left, what it ran in |
    | `decision:ID`, `label:ID` | a decision, and what turned out to be true of it |
    | `alert:NAME`, `service:NAME` | what a monitor found, who answers |
    | `report:late@3`, `gate:late@3` | the gates' report about a model version, and what each of them said |

    Rows are asked about through `RowTracer`. Cost follows what is shown, not the size of the graph.
    """

    def ask(
        self,
        what: str,
        direction: Direction,
        *,
        bounds: Bounds = DEFAULT,
        actor: str = "towpath",
        payload: bool = False,
    ) -> TraceTree:
        """Return the tree from anything, either way.

        Asking about a decision or a label reads that record, and so is itself recorded: event
        `decision.read` with the actor.

        Args:
            what: See the table above; a bare id is a decision's.
            direction: `back` towards what it was made from, `forth` towards what came of it.
            bounds: How much to show.
            actor: Who asks, for the audit.
            payload: Whether a decision's inputs, outputs, and label are shown.

        Raises:
            InvalidName: The text names nothing that could be.
            NotFound: There is no such thing (it may have been erased).
        """
        ...

    def trace_decision(
        self, decision_id: str, *, actor: str = "towpath", payload: bool = True
    ) -> TraceTree:
        """Return the way back from a decision, all of it: `ask` with `decision:…`."""
        ...

    def trace(self, ref: Ref, *, depth: int | None = None, full: bool = False) -> TraceTree:
        """Return what a node of the graph was made from, down to code and data-set versions.

        Args:
            ref: A version or run; a reference without a number means the asset's latest version.
            depth: How many steps to follow; None for all.
            full: Show every step run and artefact on the way, instead of the pipeline run alone.

        Raises:
            NotFound: The ledger knows nothing of it.
        """
        ...

    def impact(self, ref: Ref, *, depth: int | None = None, full: bool = False) -> TraceTree:
        """Return what depends on `ref`: runs, models, releases. Same arguments as `trace`."""
        ...

    def neighbourhood(
        self, ref: Ref, direction: Direction, *, bounds: Bounds = DEFAULT
    ) -> Neighbourhood:
        """Return the part of the graph that a tree is made of, as nodes and edges.

        Raises:
            NotFound: The ledger knows nothing of it.
        """
        ...


def _node_json(node: TraceNode) -> Json:
    shown: Json = {
        "ref": node.ref,
        "kind": node.kind,
        "relation": node.relation,
        "facts": node.facts,
        "children": [_node_json(child) for child in node.children],
    }
    if node.repeated:
        shown["repeated"] = True
    if node.more:
        shown["more"] = node.more
    return shown


__all__ = ["DEFAULT", "Bounds", "Direction", "TraceNode", "TraceTree", "Tracer"]
