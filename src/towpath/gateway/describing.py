"""What the protocol tells of server and models, whatever transport asks."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, Final

from towpath.core.errors import Unavailable
from towpath.gateway import repository
from towpath.gateway.answers import binary

if TYPE_CHECKING:
    from towpath.gateway.routes.routing import LiveArm, LiveService, RoutingTable

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


def release(table: RoutingTable, service_version: str | None) -> dict[str, Any]:
    """Return which release answers a version of a program, and what is in it.

    Raises:
        InvalidName: It is no version of anything.
        InvalidRequest: It is part of no release in force, and the environment refuses such.
        Unavailable: There is no route yet.
    """
    if not table.loaded or table.release is None:
        raise Unavailable("nothing was released here yet", remedy="Try again in a moment.")
    said = table.stated(service_version)
    return {
        "release": table.release_for(said),
        "default": table.release,
        "service_version": said,
        "known": said in table.known,
        "services": {
            name: {"model": service.arms[0].model, **service.arms[0].predictor.signature.to_json()}
            for name, service in sorted(table.services_for(said).items())
        },
    }
