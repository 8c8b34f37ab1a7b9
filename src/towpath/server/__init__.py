"""The control plane over HTTP: the REST API and the web UI."""

from towpath.server.contract import (
    DecisionTracer,
    ServerSettings,
    Services,
    TrafficCount,
    TrafficCounter,
)

__all__ = ["DecisionTracer", "ServerSettings", "Services", "TrafficCount", "TrafficCounter"]
