"""The declarations of monitors beyond drift and performance."""

from towpath.operate.monitoring.kinds.data_quality import DataQuality
from towpath.operate.monitoring.kinds.detector import Detector
from towpath.operate.monitoring.kinds.estimated_performance import EstimatedPerformance
from towpath.operate.monitoring.kinds.fairness import Fairness
from towpath.operate.monitoring.kinds.health import Health
from towpath.operate.monitoring.kinds.outliers import Outliers
from towpath.operate.monitoring.kinds.skew import Skew
from towpath.operate.monitoring.kinds.slices import Slices

__all__ = [
    "DataQuality",
    "Detector",
    "EstimatedPerformance",
    "Fairness",
    "Health",
    "Outliers",
    "Skew",
    "Slices",
]
