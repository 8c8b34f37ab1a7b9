"""The watchers of monitors beyond drift and performance."""

from towpath.operate.monitoring.watching.data_quality import DataQualityWatcher
from towpath.operate.monitoring.watching.detector import DetectorWatcher
from towpath.operate.monitoring.watching.estimated_performance import EstimatedPerformanceWatcher
from towpath.operate.monitoring.watching.fairness import FairnessWatcher
from towpath.operate.monitoring.watching.health import HealthWatcher
from towpath.operate.monitoring.watching.outliers import OutliersWatcher
from towpath.operate.monitoring.watching.skew import SkewWatcher
from towpath.operate.monitoring.watching.slices import SlicesWatcher

__all__ = [
    "DataQualityWatcher",
    "DetectorWatcher",
    "EstimatedPerformanceWatcher",
    "FairnessWatcher",
    "HealthWatcher",
    "OutliersWatcher",
    "SkewWatcher",
    "SlicesWatcher",
]
