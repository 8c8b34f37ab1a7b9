"""The control plane over HTTP: the REST API and the web UI."""

from towpath.server.application import Application, create_server
from towpath.server.contract import Access, Services, TrafficCount, TrafficCounter
from towpath.server.counting import DecisionTraffic
from towpath.server.serving import Running, serve

__all__ = [
    "Access",
    "Application",
    "DecisionTraffic",
    "Running",
    "Services",
    "TrafficCount",
    "TrafficCounter",
    "create_server",
    "serve",
]
