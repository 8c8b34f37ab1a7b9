"""Where a decision, a model or a data set came from, and what it reaches."""

from towpath.trace.lineage.contract import Direction, TraceNode, Tracer, TraceTree

__all__ = ["Direction", "TraceNode", "TraceTree", "Tracer"]
