"""Turns the neighbourhood of a node into a tree that people can read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from towpath.build.pipelines import decode_reads
from towpath.trace.lineage.contract import TraceNode
from towpath.trace.lineage.facts import facts_of_run, facts_of_version
from towpath.trace.lineage.neighbourhood import ORDER

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.records import Json
    from towpath.trace.lineage.neighbourhood import Hop, Neighbourhood

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


class TreeBuilder:
    """Builds trees over what was found. One per answer: it remembers what it has shown.

    Either way a branch ends at a model that a run only weighed its own candidate against: the ancestors
    of a champion are not the ancestors of its challenger.

    Args:
        found: The neighbourhood.
        full: Whether steps and artefacts are shown as such.
    """

    def __init__(self, found: Neighbourhood, *, full: bool) -> None:
        self._found = found
        self._full = full
        self._shown: set[Ref] = set()

    def build(self, ref: Ref, relation: str = "", *, is_leaf: bool = False) -> TraceNode:
        """Return `ref` with everything below it."""
        hops = [] if is_leaf else self._found.hops.get(ref, [])
        repeated = ref in self._shown and bool(hops)
        children: list[TraceNode] = []
        if ref in self._found.hops and not (repeated or is_leaf):
            self._shown.add(ref)
            for hop in hops:
                child = self.build(hop.far, self._word(hop), is_leaf=hop.is_leaf)
                children.append(replace(child, facts=child.facts | self._as_read(hop)))
            children.extend(self._conditions(ref, hops))
        return TraceNode(
            ref=str(ref),
            kind=ref.kind,
            relation=relation,
            facts=self._facts(ref),
            children=tuple(sorted(children, key=_reading_order)),
            repeated=repeated,
            more=0 if repeated or is_leaf else self._found.more.get(ref, 0),
        )

    def _facts(self, ref: Ref) -> Json:
        """Return the facts of a version or run; empty for a node that the ledger only links to."""
        if ref.kind == "run":
            run = self._found.runs.get(ref.name)
            return {} if run is None else facts_of_run(run)
        version = self._found.versions.get(ref)
        return {} if version is None else facts_of_version(version)

    def _as_read(self, hop: Hop) -> Json:
        """Say which revision of a data set a run read, where an erasure has revised it since."""
        run, data = (hop.near, hop.far) if self._found.direction == "back" else (hop.far, hop.near)
        version, by = self._found.versions.get(data), self._found.runs.get(run.name)
        if data.kind != "dataset" or version is None or by is None:
            return {}
        read = {one.revision for one in decode_reads(by.tags) or () if one.version == data}
        return {"read_revision": min(read)} if read - {version.revision} else {}

    def _word(self, hop: Hop) -> str:
        direction = self._found.direction
        if not hop.is_leaf:
            return _WORDS[hop.relation, direction]
        run = self._found.runs.get((hop.far if direction == "forth" else hop.near).name)
        if run is not None and run.kind == "monitor":
            return "watched" if direction == "back" else "watched by"
        return "weighed against" if direction == "back" else "weighed in"

    def _conditions(self, ref: Ref, hops: list[Hop]) -> list[TraceNode]:
        """Return what a pipeline run ran with, where the graph has no nodes for it."""
        run = self._found.runs.get(ref.name) if ref.kind == "run" else None
        if run is None or self._found.direction != "back":
            return []
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
        lock = run.tags.get("lock")
        # Runs from before environments were nodes of the graph have it as a tag alone.
        if lock and not any(hop.far.kind == "environment" for hop in hops):
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
    rank = ORDER.index(node.kind) if node.kind in ORDER else len(ORDER)
    name, _, number = node.ref.partition("@")
    return rank, name, int(number) if number.isdecimal() else 0


__all__ = ["TreeBuilder"]
