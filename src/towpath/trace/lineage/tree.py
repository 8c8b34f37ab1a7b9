"""Turns the graph around a node into a tree that people can read."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from towpath.core.refs import Ref
from towpath.trace.lineage.contract import TraceNode
from towpath.trace.lineage.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Edge
    from towpath.trace.lineage.contract import Direction

# How the thing above came by the thing below, by relation and direction.
_WORDS = {
    ("made", "back"): "made by",
    ("used", "back"): "used",
    ("includes", "back"): "includes",
    ("tuned", "back"): "fine-tuned from",
    ("made", "forth"): "made",
    ("used", "forth"): "used by",
    ("includes", "forth"): "included in",
    ("tuned", "forth"): "fine-tuned into",
}
_LEAVES = frozenset({"weighed against", "weighed in"})
_ORDER = (
    "release",
    "service",
    "model",
    "run",
    "code",
    "parameters",
    "environment",
    "feature_service",
    "features",
)


class TreeBuilder:
    """Builds trees over a set of edges. One per answer: it remembers what it has shown.

    In the readable form (`full=False`) artefacts are left out and a step run stands for the pipeline
    run that it is part of. Either way the walk stops at a model that a run only weighed its own
    candidate against: the ancestors of a champion are not the ancestors of its challenger.
    """

    def __init__(
        self, tx: Transaction, edges: Iterable[Edge], direction: Direction, *, full: bool
    ) -> None:
        self._tx = tx
        self._direction: Direction = direction
        self._full = full
        self._shown: set[Ref] = set()
        self._next: dict[Ref, list[tuple[str, Ref]]] = defaultdict(list)
        for edge in edges:
            here, there = edge.child, edge.parent
            if direction == "forth":
                here, there = there, here
            self._next[here].append((edge.relation, there))

    def build(self, ref: Ref, relation: str = "", depth: int | None = None) -> TraceNode:
        """Return `ref` with everything below it, `depth` steps deep."""
        steps = self._steps(ref)
        repeated = ref in self._shown and bool(steps)
        children: list[TraceNode] = []
        if not repeated and depth != 0:
            self._shown.add(ref)
            deeper = None if depth is None else depth - 1
            for word, other in steps:
                children.append(self.build(other, word, 0 if word in _LEAVES else deeper))
            children.extend(self._conditions(ref))
        return TraceNode(
            ref=str(ref),
            kind=ref.kind,
            relation=relation,
            facts=facts_of(self._tx, ref),
            children=tuple(sorted(children, key=_reading_order)),
            repeated=repeated,
        )

    def _steps(self, ref: Ref) -> list[tuple[str, Ref]]:
        """Return the nodes one readable step away, with the word for how."""
        steps: dict[Ref, str] = {}
        for relation, there in self._next.get(ref, ()):
            other = there if self._full else self._lifted(there)
            if other is None or other == ref:
                continue
            if relation == "used" and self._tunes(ref, there):
                if self._full:
                    steps.setdefault(other, _WORDS[relation, self._direction])
                continue  # for people the model that came of it says so
            steps.setdefault(other, self._word(ref, relation, other))
        return [(word, other) for other, word in steps.items()]

    def _tunes(self, here: Ref, there: Ref) -> bool:
        """Tell whether a use of a model is that of a step, which goes on from its weights."""
        model, run = (there, here) if self._direction == "back" else (here, there)
        return (model.kind, run.kind) == ("model", "run") and self._tx.runs.get(
            run.name
        ).kind == "step"

    def _lifted(self, ref: Ref) -> Ref | None:
        """Return what stands for a node in the readable form; None when nothing does."""
        if ref.kind == "artifact":
            return None
        if ref.kind != "run":
            return ref
        run = self._tx.runs.get(ref.name)
        return Ref("run", run.parent) if run.kind == "step" and run.parent else ref

    def _word(self, here: Ref, relation: str, there: Ref) -> str:
        if relation == "used" and self._direction == "back" and there.kind == "model":
            return "weighed against"
        if relation == "used" and self._direction == "forth" and here.kind == "model":
            return "weighed in"
        return _WORDS[relation, self._direction]

    def _conditions(self, ref: Ref) -> list[TraceNode]:
        """Return what a pipeline run ran with, which the graph has no nodes for."""
        if ref.kind != "run" or self._direction != "back":
            return []
        run = self._tx.runs.get(ref.name)
        found: list[TraceNode] = []
        if run.kind != "step" or self._full:
            found.append(
                TraceNode(
                    ref=f"parameters:{run.id}",
                    kind="parameters",
                    relation="ran with",
                    facts=dict(sorted(run.params.items())),
                )
            )
        if lock := run.tags.get("lock"):
            found.append(
                TraceNode(
                    ref=f"environment:{lock}",
                    kind="environment",
                    relation="ran in",
                    facts={"lock": lock},
                )
            )
        return found


def _reading_order(node: TraceNode) -> tuple[int, str, int]:
    rank = _ORDER.index(node.kind) if node.kind in _ORDER else len(_ORDER)
    name, _, number = node.ref.partition("@")
    return rank, name, int(number or 0)
