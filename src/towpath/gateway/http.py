"""A request and an answer, as the gateway's parts hand them to one another."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from towpath.gateway.failures import HttpRefusal

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON: Final = b"application/json"


class HttpRequest:
    """One request, whole.

    Args:
        method: `GET` and the like.
        target: Path and query, as they came.
        headers: Names in lower case, in the order in which they came.
        body: Its bytes.
        begun: When its first byte came, by the monotonic clock.

    Attributes:
        path: The path, decoded.
        parts: The path without slashes at its ends, cut at those inside.
        query: What follows the question mark, undecoded.
    """

    __slots__ = ("_body", "_headers", "begun", "method", "parts", "path", "query")

    def __init__(
        self,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        begun: float,
    ) -> None:
        self.method = method
        self.begun = begun
        path, _, self.query = target.partition(b"?")
        if b"%" in path:
            path = unquote_to_bytes(path)
        self.path = path.decode("utf-8", "replace")
        self.parts = self.path.strip("/").split("/")
        self._headers = headers
        self._body = body

    def header(self, name: bytes) -> bytes:
        """Return a header's value, empty where there is none."""
        for key, value in self._headers:
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

    def body(self) -> bytes:
        """Return the body.

        Raises:
            HttpRefusal: It is compressed: 415.
        """
        if self.header(b"content-encoding") not in (b"", b"identity"):
            raise HttpRefusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed bodies are not taken; send it plain"
            )
        return self._body


class Answer(NamedTuple):
    """What is sent back, with headers beside type and length."""

    body: bytes
    kind: bytes = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[bytes, bytes], ...] = ()
