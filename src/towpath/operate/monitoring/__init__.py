"""Watches windows of live traffic for drift and loss of quality; a project file declares what."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily
from towpath.operate.monitoring.contract import Monitor, Watcher

if TYPE_CHECKING:
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

# Declaring what is watched needs nothing of what watches.
__getattr__ = lazily(
    __name__,
    {
        "DataQuality": "kinds",
        "Detector": "kinds",
        "Drift": "declaration",
        "EstimatedPerformance": "kinds",
        "Fairness": "kinds",
        "Health": "kinds",
        "Multivariate": "multivariate",
        "Outliers": "kinds",
        "Performance": "declaration",
        "Skew": "kinds",
        "Slices": "kinds",
    },
)

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
