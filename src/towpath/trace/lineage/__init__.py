"""Where anything came from, down to rows, and what it reaches."""

from towpath.trace.lineage.answered import Answered, AnsweredCounts
from towpath.trace.lineage.contract import (
    DEFAULT,
    Bounds,
    Direction,
    TraceNode,
    Tracer,
    TraceTree,
)
from towpath.trace.lineage.neighbourhood import Hop, Neighbourhood
from towpath.trace.lineage.openlineage import open_lineage
from towpath.trace.lineage.row_tracer import LedgerRowTracer
from towpath.trace.lineage.rows import ModelReached, RowImpact, RowsHeld, RowsRead, RowTracer
from towpath.trace.lineage.tracer import LedgerTracer

__all__ = [
    "DEFAULT",
    "Answered",
    "AnsweredCounts",
    "Bounds",
    "Direction",
    "Hop",
    "LedgerRowTracer",
    "LedgerTracer",
    "ModelReached",
    "Neighbourhood",
    "RowImpact",
    "RowTracer",
    "RowsHeld",
    "RowsRead",
    "TraceNode",
    "TraceTree",
    "Tracer",
    "open_lineage",
]
