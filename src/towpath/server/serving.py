"""Running the application: our own listening socket, a clean end."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

from towpath.core.errors import InvalidSetting
from towpath.server.access import check_settings
from towpath.server.application import create_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.server.contract import ServerSettings, Services
    from towpath.server.stream import EventStream

_BACKLOG = 256
_DRAIN_S = 3


def open_socket(host: str, port: int) -> socket.socket:
    """Bind and listen.

    The socket is opened here, with its protocol named, because asyncio sets TCP_NODELAY only on
    sockets that say they are TCP; without it every keep-alive answer waits for a delayed ACK.

    Raises:
        InvalidSetting: The address can't be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidSetting(
            f"the server can't listen on {host}:{port} ({error.strerror})",
            remedy="Free the port, or choose another with server_port.",
            host=host,
            port=port,
        ) from error
    return listener


def serve(
    services: Services,
    settings: ServerSettings,
    *,
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then let what is under way finish.

    Args:
        services: What the API reads.
        settings: Where to listen, and who may call.
        on_ready: Called once with the base URL when the port accepts connections.

    Raises:
        InvalidSetting: A public bind without a token, or an address that can't be bound.
    """
    check_settings(settings)
    listener = open_socket(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    application = create_server(services, settings)
    config = uvicorn.Config(
        application.asgi,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
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
        """Start, then tell that the port accepts."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the streams, then drain the rest."""
        self._stream.close()
        await super().shutdown(sockets)


__all__ = ["open_socket", "serve"]
