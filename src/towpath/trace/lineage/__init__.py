"""Where anything came from, down to rows, and what it reaches."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily
from towpath.trace.lineage.contract import (
    DEFAULT,
    Bounds,
    Direction,
    TraceNode,
    Tracer,
    TraceTree,
)

if TYPE_CHECKING:
    from towpath.trace.lineage.answered import Answered, AnsweredCounts
    from towpath.trace.lineage.neighbourhood import Hop, Neighbourhood
    from towpath.trace.lineage.openlineage import open_lineage
    from towpath.trace.lineage.row_tracer import LedgerRowTracer
    from towpath.trace.lineage.rows import ModelReached, RowImpact, RowsHeld, RowsRead, RowTracer
    from towpath.trace.lineage.tracer import LedgerTracer

# Reading a trace needs none of what walks it.
__getattr__ = lazily(
    __name__,
    {
        "Answered": "answered",
        "AnsweredCounts": "answered",
        "Hop": "neighbourhood",
        "LedgerRowTracer": "row_tracer",
        "LedgerTracer": "tracer",
        "ModelReached": "rows",
        "Neighbourhood": "neighbourhood",
        "RowImpact": "rows",
        "RowTracer": "rows",
        "RowsHeld": "rows",
        "RowsRead": "rows",
        "open_lineage": "openlineage",
    },
)

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
