"""Gates: what a model must prove, on confidence bounds, before it may serve."""

from towpath.build.gates.contract import Finding, Gate, Trial
from towpath.build.gates.keeper import GateKeeper
from towpath.build.gates.metrics import METRICS, MetricKind, find_metric
from towpath.build.gates.non_inferior import NonInferior
from towpath.build.gates.quality import Quality

__all__ = [
    "METRICS",
    "Finding",
    "Gate",
    "GateKeeper",
    "MetricKind",
    "NonInferior",
    "Quality",
    "Trial",
    "find_metric",
]
