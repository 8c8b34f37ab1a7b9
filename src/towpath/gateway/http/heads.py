"""Heads of requests, each read once: callers say the same few again and again.

A kept-alive caller's requests differ in their bodies; of their heads there are as many as its bodies have lengths.
So what a head says is kept by its bytes. The parser that reads streams reads these as well, so both ways agree on
what a request is: whatever it does not take as one plain head is left to the stream.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

import httptools

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN_BYTES: Final = 2048
"""Longest head that is kept. With as many heads as are, that bounds the memory."""

_KNOWN: Final = 512
# What needs an answer of its own before the body, or bodies of no known length: for the stream.
_UNUSUAL: Final = (b"transfer-encoding", b"expect", b"upgrade")


class Head(NamedTuple):
    """What comes before a body.

    Attributes:
        method: `GET` and the like.
        path: The path, decoded.
        parts: The path without slashes at its ends, cut at those inside.
        query: What follows the question mark, undecoded.
        headers: By name in lower case; of one that came twice the first.
    """

    method: str
    path: str
    parts: tuple[str, ...]
    query: bytes
    headers: Mapping[bytes, bytes]

    @classmethod
    def of(cls, method: bytes, target: bytes, headers: Mapping[bytes, bytes]) -> Head:
        """Return the head of a request for a target."""
        return cls(method.decode(), *_cut(target), headers)


@lru_cache(maxsize=_KNOWN)
def known_head(data: bytes) -> tuple[Head, int] | None:
    """Return a head, and how many bytes of body follow it.

    Args:
        data: All that comes before the body, the empty line included.

    Returns:
        None where that is for a stream's parser to say: more than one head or less, something that is no
        head, or one after which the connection ends or the body has no length.
    """
    collected = _Collected()
    parser: Any = httptools.HttpRequestParser(collected)
    collected.parser = parser
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    headers = collected.headers
    if collected.events != (1, 1) or not collected.stays:
        return None
    if any(name in headers for name in _UNUSUAL):
        return None
    return Head.of(parser.get_method(), collected.target, headers), int(
        headers.get(b"content-length", 0)
    )


class _Collected:
    """What a parser finds in one head.

    Attributes:
        events: How many heads began, and how many are whole; bytes of a body count as a head too many.
    """

    parser: Any = None
    target = b""
    stays = False

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.events = (0, 0)

    def on_message_begin(self) -> None:
        self.events = (self.events[0] + 1, self.events[1])

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        self.events = (self.events[0], self.events[1] + 1)
        self.stays = self.parser.should_keep_alive() and not self.parser.should_upgrade()

    def on_body(self, _: bytes) -> None:
        self.events = (self.events[0] + 1, self.events[1])


@lru_cache(maxsize=1024)
def _cut(target: bytes) -> tuple[str, tuple[str, ...], bytes]:
    """Return path, its parts and the query; callers ask for the same few again and again."""
    path, _, query = target.partition(b"?")
    if b"%" in path:
        path = unquote_to_bytes(path)
    text = path.decode("utf-8", "replace")
    return text, tuple(text.strip("/").split("/")), query
