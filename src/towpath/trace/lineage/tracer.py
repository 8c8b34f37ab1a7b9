"""Answers traces from the ledger's graph and the decision log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.trace.lineage.contract import TraceNode, TraceTree
from towpath.trace.lineage.facts import facts_of, facts_of_decision
from towpath.trace.lineage.tree import TreeBuilder

if TYPE_CHECKING:
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import Decision

_log = structlog.get_logger(__name__)


class LedgerTracer:
    """Implements `Tracer` over a ledger and a decision log."""

    def __init__(self, ledger: Ledger, decisions: DecisionLog) -> None:
        self._ledger = ledger
        self._decisions = decisions

    def trace_decision(
        self, decision_id: str, *, actor: str = "towpath", payload: bool = True
    ) -> TraceTree:
        """Return the way back from a decision, and record that it was read."""
        decision = self._decisions.find(decision_id)
        if decision is None:
            raise NotFound(
                f"there is no decision {decision_id!r}",
                remedy="Check the id as the gateway answered it; decisions of a subject who has "
                "withdrawn are erased.",
                kind="decision",
                name=decision_id,
            )
        # Before the answer, so that no read goes unrecorded.
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("decision.read", f"decision:{decision_id}", payload=payload)
        _log.info("decision.read", decision=decision_id, actor=actor)
        with self._ledger.read() as tx:
            release = self._release(tx, decision)
        return TraceTree(
            direction="back",
            root=TraceNode(
                ref=f"decision:{decision_id}",
                kind="decision",
                facts=facts_of_decision(decision, payload=payload),
                children=(release,),
            ),
        )

    def trace(self, ref: Ref, *, depth: int | None = None, full: bool = False) -> TraceTree:
        """Return what `ref` was made from."""
        with self._ledger.read() as tx:
            start = _existing(tx, ref)
            builder = TreeBuilder(tx, tx.graph.trace(start).edges, "back", full=full)
            return TraceTree(direction="back", root=builder.build(start, depth=depth))

    def impact(self, ref: Ref, *, depth: int | None = None, full: bool = False) -> TraceTree:
        """Return what depends on `ref`."""
        with self._ledger.read() as tx:
            start = _existing(tx, ref)
            builder = TreeBuilder(tx, tx.graph.impact(start).edges, "forth", full=full)
            return TraceTree(direction="forth", root=builder.build(start, depth=depth))

    def _release(self, tx: Transaction, decision: Decision) -> TraceNode:
        """Return the release that answered, with the one model in it that did."""
        model = Ref.parse(decision.model, "model")
        builder = TreeBuilder(tx, tx.graph.trace(model).edges, "back", full=False)
        return TraceNode(
            ref=decision.release,
            kind="release",
            relation="answered under",
            facts=facts_of(tx, Ref.parse(decision.release, "release")),
            children=(builder.build(model, "includes"),),
        )


def _existing(tx: Transaction, ref: Ref) -> Ref:
    """Return the node that `ref` means, with a version number where it takes one."""
    if ref.kind == "run":
        return tx.runs.get(ref.name).ref
    if ref.kind == "artifact":
        if not tx.graph.trace(ref, depth=1).edges:
            raise NotFound.named("artifact", ref.name)
        return ref
    return tx.versions.get(ref).ref
