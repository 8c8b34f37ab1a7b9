"""Gates: what a model must prove, on confidence bounds, before it may serve."""

from towpath.build.gates.contract import Finding, Gate, Trial, Verdict
from towpath.build.gates.metrics import METRICS, MetricKind, find_metric
from towpath.build.gates.non_inferior import NonInferior
from towpath.build.gates.quality import Quality

__all__ = [
    "METRICS",
    "Finding",
    "Gate",
    "MetricKind",
    "NonInferior",
    "Quality",
    "Trial",
    "Verdict",
    "find_metric",
]
