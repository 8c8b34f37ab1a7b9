"""Listening sockets: opened once, inherited by whoever serves on them."""

from __future__ import annotations

import ipaddress
import socket

from towpath.core.errors import InvalidSetting

_BACKLOG = 1024


def open_listener(
    host: str, port: int, *, token: str = "", allow_unauthenticated: bool = False
) -> socket.socket:
    """Bind and listen; port 0 takes a free one.

    The protocol is named because asyncio sets TCP_NODELAY only on sockets that say they are TCP;
    without it every keep-alive answer waits some 40 ms for a delayed acknowledgement.

    Raises:
        InvalidSetting: The address can't be bound; or it is public, and there is no token, which is not
            allowed.
    """
    if not token and not allow_unauthenticated and not _is_loopback(host):
        raise InvalidSetting(
            f"{host} can be reached from other machines, and no token is set",
            remedy="Set a token, or bind 127.0.0.1.",
            host=host,
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidSetting(
            f"can't listen on {host}:{port} ({error.strerror})",
            remedy="Free the port, or choose another; 0 takes a free one.",
            host=host,
            port=port,
        ) from error
    return listener


def reserve_port(host: str) -> socket.socket:
    """Hold a free port for listeners that share it, without being one of them."""
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((host, 0))
    return held


def inherit_listener(fd: int) -> socket.socket:
    """Take over a listening socket that the parent process opened."""
    listener = socket.socket(fileno=fd)
    if listener.proto == 0:  # see open_listener: asyncio looks at this number
        listener = socket.socket(
            listener.family, listener.type, socket.IPPROTO_TCP, listener.detach()
        )
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the base URL that reaches the socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
