"""What lineage answers: where something came from, and what it reaches, as one neutral tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.core.refs import Ref
    from towpath.ledger.records import Json

Direction = Literal["back", "forth"]


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
    """

    ref: str
    kind: str
    relation: str = ""
    facts: Json = field(default_factory=dict)
    children: tuple[TraceNode, ...] = ()
    repeated: bool = False

    def walk(self) -> Iterator[TraceNode]:
        """Yield this node and all below it, depth first, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTree:
    """The answer to a trace (`back`, towards the sources) or an impact (`forth`, towards use)."""

    root: TraceNode
    direction: Direction

    def refs(self, kind: str | None = None) -> list[str]:
        """Return the distinct references in the tree, in the order a reader meets them."""
        found = (node.ref for node in self.root.walk() if kind in (None, node.kind))
        return list(dict.fromkeys(found))

    def to_json(self) -> Json:
        """Return the tree as nested JSON objects: `direction` and `root`.

        Each node has `ref`, `kind`, `relation`, `facts`, `children`, and `repeated` where it is.
        """
        return {"direction": self.direction, "root": _node_json(self.root)}


class Tracer(Protocol):
    """Walks the ledger's graph both ways. Thread-safe; every answer is one consistent snapshot."""

    def trace_decision(
        self, decision_id: str, *, actor: str = "towpath", payload: bool = True
    ) -> TraceTree:
        """Return the way back from a decision.

        The tree reads decision → release → model version → run → code, parameters, environment and
        data-set versions (with revision and rows). Reading a decision is itself recorded: event
        `decision.read` with the actor.

        Args:
            decision_id: As the gateway answered it.
            actor: Who asks, for the audit.
            payload: Whether the decision's inputs and outputs are shown.

        Raises:
            NotFound: No such decision is stored (it may have been erased).
        """
        ...

    def trace(self, ref: Ref, *, depth: int | None = None, full: bool = False) -> TraceTree:
        """Return what `ref` was made from, down to code and data-set versions.

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


def _node_json(node: TraceNode) -> Json:
    shown: Json = {
        "ref": node.ref,
        "kind": node.kind,
        "relation": node.relation,
        "facts": node.facts,
        "children": [_node_json(child) for child in node.children],
    }
    return shown | {"repeated": True} if node.repeated else shown


__all__ = ["Direction", "TraceNode", "TraceTree", "Tracer"]
