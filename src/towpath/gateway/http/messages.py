"""A request and an answer, as the gateway's parts hand them to one another."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from towpath.gateway.failures import HttpRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON: Final = b"application/json"


class HttpRequest:
    """One request, whole.

    Args:
        method: `GET` and the like.
        target: Path and query, as they came.
        headers: As the attribute.
        body: Its bytes.
        begun: When its first byte came, by the monotonic clock.

    Attributes:
        path: The path, decoded.
        headers: By name in lower case; of one that came twice the first.
        parts: The path without slashes at its ends, cut at those inside.
        query: What follows the question mark, undecoded.
    """

    __slots__ = ("_body", "begun", "headers", "method", "parts", "path", "query")

    def __init__(
        self,
        method: str,
        target: bytes,
        headers: Mapping[bytes, bytes],
        body: bytes,
        *,
        begun: float,
    ) -> None:
        self.method = method
        self.begun = begun
        self.path, self.parts, self.query = _cut(target)
        self.headers = headers
        self._body = body

    def header(self, name: bytes) -> bytes:
        """Return a header's value, empty where there is none."""
        return self.headers.get(name, b"")

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
        if self.headers.get(b"content-encoding", b"") not in (b"", b"identity"):
            raise HttpRefusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "compressed bodies are not taken; send it plain"
            )
        return self._body


@lru_cache(maxsize=1024)
def _cut(target: bytes) -> tuple[str, tuple[str, ...], bytes]:
    """Return path, its parts and the query; callers ask for the same few again and again."""
    path, _, query = target.partition(b"?")
    if b"%" in path:
        path = unquote_to_bytes(path)
    text = path.decode("utf-8", "replace")
    return text, tuple(text.strip("/").split("/")), query


class Answer(NamedTuple):
    """What is sent back, with headers beside type and length."""

    body: bytes
    kind: bytes = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[bytes, bytes], ...] = ()
