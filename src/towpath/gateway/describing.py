"""What the protocol tells of server and models, whatever transport asks."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, Final

from towpath.core.errors import Unavailable
from towpath.gateway import binary, repository

if TYPE_CHECKING:
    from towpath.gateway.routing import LiveArm, LiveService, RoutingTable

_EXTENSIONS: Final = (binary.EXTENSION, repository.EXTENSION)


def server() -> dict[str, Any]:
    """Return the server's metadata."""
    return {
        "name": "towpath",
        "version": installed_version("towpath"),
        "extensions": list(_EXTENSIONS),
    }


def require_ready(table: RoutingTable, *, is_ending: bool = False) -> None:
    """Raise `Unavailable` while not every service of the route answers, or at the end."""
    if is_ending:
        raise Unavailable("the gateway is being stopped", remedy="Ask another one.")
    if not table.loaded or table.broken:
        raise Unavailable("the gateway is not ready", broken=list(table.broken))


def served(table: RoutingTable, name: str, version: str | None) -> tuple[LiveService, LiveArm]:
    """Return a service, and its champion or the arm of a version.

    Raises:
        NotFound: There is no such service, or the version is not served.
        Unavailable: There is no route yet.
    """
    service = table.service(name)
    return service, service.arm_of_version(version) if version else service.arms[0]


def metadata(table: RoutingTable, name: str, version: str | None) -> dict[str, Any]:
    """Return a model's metadata; raises what `served` raises."""
    service, arm = served(table, name, version)
    return {
        "name": service.name,
        "versions": [one.version for one in service.arms],
        "platform": "towpath",
        "parameters": {"model": arm.model, "release": arm.release},
        **arm.predictor.signature.to_json(),
    }
