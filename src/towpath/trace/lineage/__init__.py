"""Where a decision, a model or a data set came from, and what it reaches."""

from towpath.trace.lineage.contract import Direction, TraceNode, Tracer, TraceTree
from towpath.trace.lineage.tracer import LedgerTracer

__all__ = ["Direction", "LedgerTracer", "TraceNode", "TraceTree", "Tracer"]
