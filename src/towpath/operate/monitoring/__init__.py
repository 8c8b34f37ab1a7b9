"""Watches windows of live traffic for drift and loss of quality; a project file declares what."""

from towpath.operate.monitoring.contract import Monitor, Watcher
from towpath.operate.monitoring.declaration import Drift, Performance
from towpath.operate.monitoring.kinds import (
    DataQuality,
    Detector,
    EstimatedPerformance,
    Fairness,
    Health,
    Outliers,
    Skew,
    Slices,
)
from towpath.operate.monitoring.multivariate import Multivariate

__all__ = [
    "DataQuality",
    "Detector",
    "Drift",
    "EstimatedPerformance",
    "Fairness",
    "Health",
    "Monitor",
    "Multivariate",
    "Outliers",
    "Performance",
    "Skew",
    "Slices",
    "Watcher",
]
