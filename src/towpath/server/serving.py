"""Running the application on a listening socket, to a clean end."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import uvicorn

from towpath.app.listening import url_of
from towpath.core.errors import InvalidSetting
from towpath.server.application import create_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from towpath.server.contract import Access, Services
    from towpath.server.stream import EventStream

_DRAIN_S = 3


def serve(
    services: Services,
    listener: socket.socket,
    *,
    access: Access,
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then let what is under way finish.

    Args:
        services: What the API reads.
        listener: Bound and listening (`towpath.app.listening`); closed at the end.
        access: Who may call.
        on_ready: Called once with the base URL when requests are answered.

    Raises:
        InvalidSetting: The socket is open to other machines, and there is no token.
    """
    host = str(listener.getsockname()[0])
    if not access.token and not ipaddress.ip_address(host).is_loopback:
        raise InvalidSetting(
            f"the server would answer everybody who reaches {host}",
            remedy="Set a token (TOWPATH_TOKEN), or bind 127.0.0.1.",
            host=host,
        )
    application = create_server(services, access)
    config = uvicorn.Config(
        application.asgi,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    url = url_of(listener)
    _Server(config, application.stream, lambda: on_ready(url)).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends the live streams first, since they would never end by themselves."""

    def __init__(
        self, config: uvicorn.Config, stream: EventStream, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stream = stream
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell that requests are answered."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the streams, then drain the rest."""
        self._stream.close()
        await super().shutdown(sockets)
