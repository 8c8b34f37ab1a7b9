"""The gateway on Ray Serve: the configuration that `serve deploy` takes.

https://docs.ray.io/en/latest/serve/production-guide/config.html
"""

from __future__ import annotations

from typing import Any

BUILDER = "towpath.cli.on_ray:gateway"


def ray_serve_config(directory: str, *, replicas: int, cpus: float, port: int) -> dict[str, Any]:
    """Return the configuration.

    Args:
        directory: Folder of the project as replicas see it, whose settings name the home.
        replicas: How many gateways.
        cpus: Cores that Ray sets aside for each.
        port: Where Ray's proxies answer, on each node.
    """
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": "127.0.0.1", "port": port},
        "applications": [
            {
                "name": "towpath",
                "route_prefix": "/",
                "import_path": BUILDER,
                "args": {"directory": directory},
                "deployments": [
                    {
                        "name": "Gateway",
                        "num_replicas": replicas,
                        "ray_actor_options": {"num_cpus": cpus},
                    }
                ],
            }
        ],
    }
