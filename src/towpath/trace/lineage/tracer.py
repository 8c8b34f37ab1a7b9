"""Answers traces from the ledger's graph, the records that point into it, and the decision log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.operate.monitoring.examples import examples_of
from towpath.trace.lineage.answered import AnsweredCounts
from towpath.trace.lineage.contract import DEFAULT, Bounds, TraceNode, TraceTree
from towpath.trace.lineage.facts import facts_of_decision, facts_of_version
from towpath.trace.lineage.neighbourhood import explore
from towpath.trace.lineage.openings import open_at, serving
from towpath.trace.lineage.tree import TreeBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Reach
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import Decision
    from towpath.trace.lineage.contract import Direction
    from towpath.trace.lineage.neighbourhood import Neighbourhood
    from towpath.trace.lineage.openings import Opening

_log = structlog.get_logger(__name__)
_UNNUMBERED = frozenset({"artifact", "environment", "online", "source"})
_WIDE = 10_000
"""Neighbours of one node from which on what lies behind them is not counted any more."""


class LedgerTracer:
    """Implements `Tracer` over a ledger and a decision log."""

    def __init__(self, ledger: Ledger, decisions: DecisionLog) -> None:
        self._ledger = ledger
        self._decisions = decisions
        self._answered = AnsweredCounts(decisions)

    def ask(
        self,
        what: str,
        direction: Direction,
        *,
        bounds: Bounds = DEFAULT,
        actor: str = "towpath",
        payload: bool = False,
    ) -> TraceTree:
        """See `Tracer.ask`."""
        kind, colon, name = what.partition(":")
        if not colon:
            kind, name = "decision", what
        if kind in ("decision", "label"):
            decision = self._read(name, actor=actor, payload=payload)
            root = self._around(decision, kind, direction, bounds, payload=payload)
            return TraceTree(direction=direction, root=root)
        with self._ledger.read() as tx:
            opening = open_at(tx, kind, name, direction)
            if opening is not None:
                return self._opened(tx, opening, direction, bounds)
            return self._tree(tx, Ref.parse(what), direction, bounds)

    def trace_decision(
        self, decision_id: str, *, actor: str = "towpath", payload: bool = True
    ) -> TraceTree:
        """Return the way back from a decision, and record that it was read."""
        return self.ask(f"decision:{decision_id}", "back", actor=actor, payload=payload)

    def trace(self, ref: Ref, *, depth: int | None = None, full: bool = False) -> TraceTree:
        """Return what `ref` was made from."""
        return self.ask(str(ref), "back", bounds=Bounds(depth=depth, full=full))

    def impact(self, ref: Ref, *, depth: int | None = None, full: bool = False) -> TraceTree:
        """Return what depends on `ref`."""
        return self.ask(str(ref), "forth", bounds=Bounds(depth=depth, full=full))

    def neighbourhood(
        self, ref: Ref, direction: Direction, *, bounds: Bounds = DEFAULT
    ) -> Neighbourhood:
        """See `Tracer.neighbourhood`."""
        with self._ledger.read() as tx:
            return _explored(tx, ref, direction, bounds)

    def _tree(self, tx: Transaction, ref: Ref, direction: Direction, bounds: Bounds) -> TraceTree:
        found = _explored(tx, ref, direction, bounds)
        root = TreeBuilder(found, full=bounds.full).build(found.root)
        reach = _reach(tx, found, bounds)
        if direction == "forth":
            root = self._with_use(tx, root)
        return TraceTree(
            direction=direction, root=root, reached=reach.kinds, complete=reach.complete
        )

    def _opened(
        self, tx: Transaction, opening: Opening, direction: Direction, bounds: Bounds
    ) -> TraceTree:
        """Return the tree from a record: what it points at, and what belongs to it."""
        inner = bounds if bounds.depth is None else replace(bounds, depth=max(bounds.depth - 1, 0))
        children: list[TraceNode] = []
        if bounds.depth != 0:
            for word, ref in opening.links:
                known = tx.versions.find(ref) if ref.version is not None else ref
                if known is None:
                    children.append(TraceNode(ref=str(ref), kind=ref.kind, relation=word))
                    continue
                found = explore(tx, ref, direction, inner)
                children.append(TreeBuilder(found, full=bounds.full).build(ref, word))
            children += opening.leaves
        root = TraceNode(
            ref=opening.ref, kind=opening.kind, facts=opening.facts, children=tuple(children)
        )
        if direction == "forth":
            root = self._with_use(tx, root)
            if opening.kind == "service":
                answers = self._answers([opening.ref.removeprefix("service:")])
                root = replace(root, children=(*answers, *root.children))
        return TraceTree(direction=direction, root=root)

    # -- what came of it in the world ------------------------------------------------------------

    def _with_use(self, tx: Transaction, root: TraceNode) -> TraceNode:
        """Say of each model where it serves now, and how many decisions it made."""
        models = {node.ref for node in root.walk() if node.kind == "model"}
        if not models:
            return root
        live = serving(tx)
        made: dict[str, dict[str, list[int]]] = {}
        for one in self._answered.by(models):
            totals = made.setdefault(one.model, {}).setdefault(one.service, [0, 0])
            totals[0] += one.decisions
            totals[1] += one.errors
        return _used(root, live, made)

    def _answers(self, services: Iterable[str]) -> list[TraceNode]:
        return [
            TraceNode(
                ref=f"decisions:{service}",
                kind="decisions",
                relation="made",
                facts={"decisions": self._decisions.count(service)},
            )
            for service in services
        ]

    # -- decisions -------------------------------------------------------------------------------

    def _read(self, decision_id: str, *, actor: str, payload: bool) -> Decision:
        """Return a decision, and record that it was read before anybody sees it."""
        decision = self._decisions.find(decision_id)
        if decision is None:
            raise NotFound(
                f"there is no decision {decision_id!r}",
                remedy="Check the id as the gateway answered it; decisions of a subject who has "
                "withdrawn are erased.",
                kind="decision",
                name=decision_id,
            )
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("decision.read", f"decision:{decision_id}", payload=payload)
        _log.info("decision.read", decision=decision_id, actor=actor)
        return decision

    def _around(
        self,
        decision: Decision,
        kind: str,
        direction: Direction,
        bounds: Bounds,
        *,
        payload: bool,
    ) -> TraceNode:
        """Return the tree from a decision, or from its label."""
        label = self._label(decision.decision_id, payload=payload)
        if kind == "label":
            if label is None:
                raise NotFound(
                    f"nobody has said yet what was true of decision {decision.decision_id!r}",
                    remedy="Labels come through the gateway, or from a label queue.",
                )
            if direction == "forth":
                return replace(label, relation="")
            below = self._around(decision, "decision", "back", bounds, payload=payload)
            return replace(label, relation="", children=(replace(below, relation="says of"),))
        facts = facts_of_decision(decision, payload=payload)
        children: tuple[TraceNode, ...] = ()
        if direction == "forth":
            children = (*([] if label is None else [label]), *self._alerts(decision))
        elif bounds.depth != 0:
            with self._ledger.read() as tx:
                children = (self._release(tx, decision, bounds),)
        ref = f"decision:{decision.decision_id}"
        return TraceNode(ref=ref, kind="decision", facts=facts, children=children)

    def _release(self, tx: Transaction, decision: Decision, bounds: Bounds) -> TraceNode:
        """Return the release that answered, with the one model in it that did."""
        model = Ref.parse(decision.model, "model")
        release = tx.versions.find(Ref.parse(decision.release, "release"))
        children: list[TraceNode] = []
        if bounds.depth is None or bounds.depth > 1:
            inner = bounds if bounds.depth is None else replace(bounds, depth=bounds.depth - 2)
            found = explore(tx, model, "back", inner)
            children.append(TreeBuilder(found, full=bounds.full).build(model, "includes"))
        return TraceNode(
            ref=decision.release,
            kind="release",
            relation="answered under",
            facts={} if release is None else facts_of_version(release),
            children=tuple(children),
        )

    def _label(self, decision_id: str, *, payload: bool) -> TraceNode | None:
        label = self._decisions.label_of(decision_id)
        if label is None:
            return None
        facts: Json = {"at": label.at.isoformat(), "recorded": label.recorded.isoformat()}
        if label.source is not None:
            facts["source"] = label.source
        if payload:
            facts["value"] = label.value
        ref = f"label:{decision_id}"
        return TraceNode(ref=ref, kind="label", relation="turned out", facts=facts)

    def _alerts(self, decision: Decision) -> list[TraceNode]:
        """Return the alerts that name a decision as an example."""
        with self._ledger.read() as tx:
            rows = tx.intents.list("alert", limit=None)
        return [
            TraceNode(
                ref=f"alert:{row.name}",
                kind="alert",
                relation="example of",
                facts={"phase": row.phase, "summary": row.spec.get("summary")},
            )
            for row in rows
            if decision.decision_id in examples_of(row)
        ]


def _used(
    node: TraceNode,
    live: dict[str, dict[str, float]],
    made: dict[str, dict[str, list[int]]],
) -> TraceNode:
    children = tuple(_used(child, live, made) for child in node.children)
    facts = node.facts
    if node.kind == "model" and not node.repeated:
        if node.ref in live:
            facts = {**facts, "serves": sorted(live[node.ref])}
        children += tuple(
            TraceNode(
                ref=f"decisions:{service}",
                kind="decisions",
                relation="answered",
                facts={"model": node.ref, "decisions": count, "errors": errors},
            )
            for service, (count, errors) in sorted(made.get(node.ref, {}).items())
        )
    return replace(node, facts=facts, children=children)


def _reach(tx: Transaction, found: Neighbourhood, bounds: Bounds) -> Reach:
    """Count what is reached, shown or not."""
    if found.complete and bounds.depth is None:
        return found.counted()
    most = bounds.counted
    if most is not None and max(found.more.values(), default=0) > _WIDE:
        return found.counted()  # a query would visit all those before it could stop
    return tx.graph.reach(found.root, backwards=found.direction == "back", most=most)


def _explored(tx: Transaction, ref: Ref, direction: Direction, bounds: Bounds) -> Neighbourhood:
    """Return the neighbourhood of the node that `ref` means.

    Raises:
        NotFound: The ledger knows nothing of it.
    """
    found = explore(tx, _existing(tx, ref), direction, bounds)
    if found.root.version is not None and found.root not in found.versions:
        tx.versions.get(found.root)  # says what there is instead
    return found


def _existing(tx: Transaction, ref: Ref) -> Ref:
    """Return the node that `ref` means, with a version number where it takes one.

    Whether a numbered version is there shows when the walk looks its nodes up.
    """
    if ref.version is not None:
        return ref
    if ref.kind == "run":
        return tx.runs.get(ref.name).ref
    if ref.kind in _UNNUMBERED:
        for backwards in (True, False):
            if tx.graph.near([ref], backwards=backwards, most=1)[ref].total:
                return ref
        raise NotFound.named(ref.kind, ref.name)
    if ref.kind == "parameters":
        return tx.runs.get(ref.name).ref
    return tx.versions.get(ref).ref


__all__ = ["LedgerTracer"]
