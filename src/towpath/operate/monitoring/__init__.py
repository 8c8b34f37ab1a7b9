"""Watches windows of live traffic for drift and loss of quality; a project file declares what."""

from towpath.operate.monitoring.contract import Monitor, Watcher
from towpath.operate.monitoring.declaration import Drift, Performance

__all__ = ["Drift", "Monitor", "Performance", "Watcher"]
