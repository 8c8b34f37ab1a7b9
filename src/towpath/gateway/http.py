"""A request as ASGI hands it over: its path, its headers, and its body, which has bounds."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from towpath.gateway.failures import HttpRefusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Scope: TypeAlias = "dict[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[dict[str, Any]]]"


class HttpRequest:
    """One request.

    Args:
        scope: ASGI's description of it.
        receive: Gives the body in pieces.
        max_body_bytes: A larger body is refused: unread, if its length is announced.

    Attributes:
        method: `GET` and the like.
        path: As it came.
        parts: The path without slashes.
        query: What follows the question mark, undecoded.
    """

    __slots__ = ("_max_body_bytes", "_receive", "_scope", "method", "parts", "path", "query")

    def __init__(self, scope: Scope, receive: Receive, *, max_body_bytes: int) -> None:
        self._scope = scope
        self._receive = receive
        self._max_body_bytes = max_body_bytes
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.parts = self.path.strip("/").split("/")
        self.query: bytes = scope["query_string"]

    def header(self, name: bytes) -> bytes:
        """Return a header's value, empty where there is none. ASGI gives names in lower case."""
        for key, value in self._scope["headers"]:
            if key == name:
                return value
        return b""

    def require(self, *methods: str) -> None:
        """Refuse other methods.

        Raises:
            HttpRefusal: 405, with the methods that are taken.
        """
        if self.method not in methods:
            raise HttpRefusal(
                HTTPStatus.METHOD_NOT_ALLOWED, f"use {' or '.join(methods)} on {self.path}"
            )

    async def body(self) -> bytes:
        """Read the whole body, but never more than is allowed.

        Raises:
            HttpRefusal: It is compressed (415), too large (413), or the caller went away (400).
        """
        if self.header(b"content-encoding") not in (b"", b"identity"):
            raise HttpRefusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed bodies are not taken; send it plain"
            )
        announced = self.header(b"content-length")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            raise self._too_large()
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            pieces = bytearray(body)
            while message.get("more_body") and len(pieces) <= self._max_body_bytes:
                message = await self._receive()
                pieces += message.get("body", b"")
            body = bytes(pieces)
        if len(body) > self._max_body_bytes:
            raise self._too_large()
        if message["type"] == "http.disconnect":
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "the caller went away in mid-request")
        return body

    def _too_large(self) -> HttpRefusal:
        return HttpRefusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is larger than {self._max_body_bytes} bytes; send fewer rows at a time",
        )
