"""The protocol's questions about the model repository: what is served, and why it can't be changed there.

https://github.com/triton-inference-server/server, `docs/protocol/extension_model_repository.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from towpath.gateway.routes.routing import RoutingTable

EXTENSION: Final = "model_repository"


class _IndexRequest(msgspec.Struct):
    ready: bool = False


_decoder = msgspec.json.Decoder(_IndexRequest)


def wants_ready(body: bytes) -> bool:
    """Read the body of `POST /v2/repository/index`, which may be empty.

    Raises:
        InvalidRequest: It is something else.
    """
    try:
        return bool(body.strip()) and _decoder.decode(body).ready
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"the request's body is not what is expected: {error}") from error


def index(table: RoutingTable, *, ready: bool) -> list[dict[str, Any]]:
    """Return each served version of each service, and the services that could not be loaded.

    A service that stays on the route before, because its newest could not be loaded, is ready.

    Args:
        table: The routing table in force.
        ready: Leave out what can't be asked.
    """
    found = [
        {"name": name, "version": arm.version, "state": "READY", "reason": ""}
        for name, service in sorted(table.services.items())
        for arm in service.arms
    ]
    if not ready:
        reason = "its newest release could not be loaded; the gateway's log says why"
        found += [
            {"name": name, "version": "", "state": "UNAVAILABLE", "reason": reason}
            for name in sorted(table.broken)
            if name not in table.services
        ]
    return found


def load(table: RoutingTable, name: str) -> dict[str, Any]:
    """Do nothing for a model that is served, which is what a client that loads before it asks needs.

    Raises:
        NotFound: It is not served: what is, a release decides.
        Unavailable: There is no route yet.
    """
    table.service(name)
    return {}


def unload(table: RoutingTable, name: str) -> dict[str, Any]:
    """Refuse.

    Raises:
        InvalidRequest: A gateway serves what was released.
        NotFound: Nor was there anything to unload.
        Unavailable: There is no route yet.
    """
    service = table.service(name)
    raise InvalidRequest(
        f"{service.name!r} is served because it is released, and can't be unloaded here",
        remedy="Roll the release back, or release without it.",
        service=service.name,
    )
