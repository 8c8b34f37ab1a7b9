"""Running the application on a listening socket, to a clean end."""

from __future__ import annotations

import ipaddress
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from towpath.app.listening import url_of
from towpath.core.errors import InvalidSetting
from towpath.server.application import create_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator

    from towpath.server.application import Application
    from towpath.server.contract import Access, Services

_DRAIN_S = 3
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
    Running(create_server(services, access), listener, on_ready=on_ready).run()


class Running(uvicorn.Server):
    """An application on a socket. `run` blocks; `stop` may be called from any thread.

    Ends the live streams before connections drain, since they would never end by themselves.
    """

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        *,
        on_ready: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application.asgi,
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_S,
            )
        )
        self._stream = application.stream
        self._listener = listener
        self._on_ready = on_ready

    @property
    def url(self) -> str:
        """The base URL that reaches it."""
        return url_of(self._listener)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer requests until told to stop; in the main thread SIGTERM and SIGINT tell it too."""
        super().run(sockets or [self._listener])

    def stop(self) -> None:
        """Ask it to end."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """End on SIGTERM and SIGINT, and return; uvicorn would raise the signal again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell that requests are answered."""
        await super().startup(sockets)
        if self.started:
            self._on_ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the streams, then drain the rest."""
        self._stream.close()
        await super().shutdown(sockets)
