"""Which machines a source may connect to, checked on the connection itself.

An address is judged by the machine that answers, not by its name: names resolve anew between a check and
a connection (DNS rebinding), and a redirect, or a next page, is somebody else's text. So every new
connection is looked at after it stands and before a byte is sent on it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN_NAMES = ("localhost", "ip6-localhost")


class Peers:
    """The machines that one source may reach: public ones, and those that its declaration means.

    Args:
        declared: The source's address. If it is a private number or `localhost`, that machine is meant.
        private: Whether the declaration allows machines in the private network, whatever they are
            called. Link-local ones (where clouds serve credentials) are refused all the same, unless
            the address itself is one.
    """

    def __init__(self, declared: str, *, private: bool) -> None:
        self._private = private
        host = (urlsplit(declared).hostname or "").rstrip(".")
        self._loopback = host in _OWN_NAMES
        try:
            self._declared = ipaddress.ip_address(host)
        except ValueError:
            self._declared = None

    def allows(self, number: str) -> bool:
        """Tell whether a machine, by its number, may be talked to."""
        address = ipaddress.ip_address(number.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address == self._declared or (self._loopback and address.is_loopback):
            return True
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        return self._private or address.is_global

    def trace(self, host: str) -> Callable[[str, dict[str, Any]], None]:
        """Return what httpcore calls as a request goes on; it ends a connection to the wrong machine."""

        def look(event: str, info: dict[str, Any]) -> None:
            if event != "connection.connect_tcp.complete":
                return
            number = str(info["return_value"].get_extra_info("server_addr")[0])
            if not self.allows(number):
                info["return_value"].close()
                raise UsageError(
                    f"{host} is at {number}, inside a private network, and was not connected to",
                    remedy="If that is meant, declare the source with private=True.",
                    host=host,
                )

        return look
