"""The control plane over HTTP: the REST API and the web UI."""

from towpath.server.application import Application, create_server
from towpath.server.contract import ServerSettings, Services, TrafficCount, TrafficCounter
from towpath.server.serving import open_socket, serve

__all__ = [
    "Application",
    "ServerSettings",
    "Services",
    "TrafficCount",
    "TrafficCounter",
    "create_server",
    "open_socket",
    "serve",
]
