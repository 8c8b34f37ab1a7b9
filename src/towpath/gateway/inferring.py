"""`POST /v2/models/…/infer`, from the bytes of a request to those of its answer.

Most requests are over in one go: nothing has to be looked up, the model is asked on the spot, and nobody waits for
the disk. Those cost no coroutine. One whose decisions must be on disk first is told of it by the flush that takes
them there, as are all that share it; whatever has to wait for features or a model becomes a task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from towpath.gateway.admission import DEADLINE
from towpath.gateway.answers import binary
from towpath.gateway.answers.inference import Asked
from towpath.gateway.http.messages import Answer
from towpath.gateway.protocol import decode_infer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from towpath.gateway.admission import Entry
    from towpath.gateway.answering import Answering
    from towpath.gateway.http.messages import Answered, HttpRequest
    from towpath.gateway.protocol import InferRequest, InferResponse

SERVICE_VERSION: Final = b"towpath-service-version"
"""The header that says which version of a program asks."""

_BYTES: Final = b"application/octet-stream"


class Inferring:
    """Answers inference requests over HTTP. Used from one event loop only.

    Args:
        answering: Answers what they decode to.
        failed: Returns the answer that tells of a failure.
    """

    def __init__(
        self, answering: Answering, failed: Callable[[Exception, HttpRequest], Answer]
    ) -> None:
        self._answering = answering
        self._failed = failed

    def answer(self, request: HttpRequest, name: str, version: str | None) -> Answered:
        """Answer a request; raises what refuses it, or has whatever it returns tell it later."""
        if request.method != "POST":
            request.require("POST")
        headers, answering = request.headers, self._answering
        by = answering.admission.deadline(headers.get(DEADLINE, b""), request.begun)
        entry = answering.entry(name, by)
        entry.begin()
        try:
            message = self._decoded(request, name)
            asked = answering.ask(name, version, message, by=by)
            if not isinstance(asked, Asked) or asked.waiting:
                return self._waited(entry, message, asked)
            recorded = answering.record(asked)
            if recorded is not None:
                return _Recorded(self, request, entry, asked, recorded)
            found = self.encoded(message, answering.conclude(asked))
        except Exception as error:
            entry.end(error)
            raise
        entry.end()
        return found

    async def _waited(
        self, entry: Entry, message: InferRequest, asking: Asked | Awaitable[Asked]
    ) -> Answer:
        """Go on with a request that has to wait for features, or for a model."""
        answering = self._answering
        try:
            asked = asking if isinstance(asking, Asked) else await asking
            found = self.encoded(message, await answering.finished(asked))
        except BaseException as error:
            entry.end(error)
            raise
        entry.end()
        return found

    def concluded(
        self, request: HttpRequest, entry: Entry, asked: Asked, recorded: asyncio.Future[None]
    ) -> Answer:
        """Return the answer to a request whose decisions are on disk, or could not be brought there."""
        try:
            recorded.result()
            found = self.encoded(asked.request, self._answering.conclude(asked))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            entry.end(error)
            return self._failed(error, request)
        entry.end()
        return found

    def _decoded(self, request: HttpRequest, name: str) -> InferRequest:
        body, headers = request.body(), request.headers
        numbers = self._answering.takes_numbers(name)
        truths = numbers and self._answering.takes_truths(name)
        if binary.HEADER in headers:
            said = binary.json_bytes(headers[binary.HEADER], body)
            message = decode_infer(body[:said], numbers=numbers, truths=truths)
            binary.attach(message, memoryview(body)[said:])
        else:
            message = decode_infer(body, numbers=numbers, truths=truths)
            binary.attach(message, memoryview(b""))
        if SERVICE_VERSION in headers:
            state(message, request)
        return message

    @staticmethod
    def encoded(message: InferRequest, response: InferResponse) -> Answer:
        """Return the answer as it was asked for: in JSON, or with bytes behind it."""
        answer, head = binary.encode(message, response)
        if head is None:
            return Answer(answer)
        return Answer(answer, _BYTES, headers=((binary.HEADER, str(head).encode()),))


class _Recorded:
    """The answer to a request, once its decisions are on disk. See `Later`."""

    __slots__ = ("_asked", "_entry", "_inferring", "_recorded", "_request", "_told")

    def __init__(
        self,
        inferring: Inferring,
        request: HttpRequest,
        entry: Entry,
        asked: Asked,
        recorded: asyncio.Future[None],
    ) -> None:
        self._inferring = inferring
        self._request = request
        self._entry = entry
        self._asked = asked
        self._recorded = recorded

    def then(self, told: Callable[[Answer], None]) -> None:
        """Have the caller told."""
        self._told = told
        self._recorded.add_done_callback(self._tell)

    def _tell(self, recorded: asyncio.Future[None]) -> None:
        self._told(self._inferring.concluded(self._request, self._entry, self._asked, recorded))


def stated(request: HttpRequest) -> str | None:
    """Return which version of a program asks, by the header."""
    return request.header(SERVICE_VERSION).decode("latin-1") or None


def state(message: InferRequest, request: HttpRequest) -> None:
    """Say in the message which version of a program asks, unless it says so itself."""
    if message.parameters.service_version is None:
        message.parameters.service_version = stated(request)
