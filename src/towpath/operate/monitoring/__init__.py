"""Watches windows of live traffic for drift and loss of quality; a project file declares what."""

from towpath.operate.monitoring.declaration import Drift, Monitor, MonitorKind, Performance

__all__ = ["Drift", "Monitor", "MonitorKind", "Performance"]
