"""A request and an answer, as the gateway's parts hand them to one another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from towpath.gateway.failures import HttpRefusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.gateway.http.heads import Head

JSON: Final = b"application/json"


class HttpRequest:
    """One request, whole.

    Args:
        head: What came before its body.
        body: Its bytes.
        begun: When its first byte came, by the monotonic clock.

    Attributes:
        method, path, parts, query, headers: As in `Head`.
    """

    __slots__ = ("_body", "begun", "headers", "method", "parts", "path", "query")

    def __init__(self, head: Head, body: bytes, *, begun: float) -> None:
        self.method, self.path, self.parts, self.query, self.headers = head
        self.begun = begun
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


class Answer(NamedTuple):
    """What is sent back, with headers beside type and length."""

    body: bytes
    kind: bytes = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Later(Protocol):
    """An answer that is there once somebody else is done."""

    def then(self, told: Callable[[Answer], None]) -> None:
        """Have `told` called with it, once, from the event loop and never before this returns."""
        ...


Answered: TypeAlias = "Answer | Later | Coroutine[Any, Any, Answer]"
"""What an application gives for a request: the answer at once, most of the time."""


class Application(Protocol):
    """Answers requests. What goes wrong is an answer too: it never raises."""

    def answer(self, request: HttpRequest) -> Answered:
        """Return the answer, or what gives it."""
        ...


async def answer_to(request: HttpRequest, app: Application) -> Answer:
    """Ask an application, and wait for its answer."""
    return await answer_of(app.answer(request))


async def answer_of(found: Answered) -> Answer:
    """Wait for an answer, if it is not there yet."""
    if isinstance(found, Answer):
        return found
    if isinstance(found, Coroutine):
        return await found
    told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    found.then(lambda answer: None if told.done() else told.set_result(answer))
    return await told
