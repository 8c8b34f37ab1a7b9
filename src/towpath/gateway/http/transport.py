"""HTTP/1.1 on asyncio: httptools cuts the stream, and each whole request goes straight to the application.

A general server stands between a stream and an application with a message for each piece of either, which
costs more than the rest of what the gateway does for a row. Here a request is read whole, within bounds,
before anybody looks at it, and answered in one write. One that comes in one piece, behind a head that was seen
before, is not even parsed: see `heads`. https://www.rfc-editor.org/rfc/rfc9112.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

import httptools
import msgspec

from towpath.gateway.http.eager import run_eagerly
from towpath.gateway.http.heads import KNOWN_BYTES, Head, known_head
from towpath.gateway.http.messages import JSON, Answer, HttpRequest

if TYPE_CHECKING:
    from towpath.gateway.http.messages import Application
    from towpath.gateway.limits import Limits

MAX_HEADER_BYTES: Final = 64 << 10
_PIPELINED_MOST: Final = 16
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_OK: Final = HTTPStatus.OK
_BEFORE_JSON: Final = _LINES[_OK] + b"content-type: %b\r\ncontent-length: " % JSON
_END: Final = b"\r\n\r\n"


class Keeper(Protocol):
    """Who keeps connections.

    Attributes:
        is_ending: Whether each answer is the last of its connection.
    """

    app: Application
    limits: Limits
    loop: asyncio.AbstractEventLoop
    is_ending: bool

    def opened(self, connection: Connection) -> None:
        """Take note of a connection."""
        ...

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        ...


class Connection(asyncio.Protocol):
    """One connection: reads requests, and answers them in order.

    Attributes:
        heard_at: When its caller last sent something, by the monotonic clock.
        begun_at: When the request began that is being read; None between requests.
        clogged_at: Since when the caller leaves answers unread; None while it reads.
        is_busy: Whether an answer is under way.
    """

    def __init__(self, server: Keeper) -> None:
        self._server = server
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._refusal: Answer | None = None
        self._waiting: deque[tuple[HttpRequest, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.is_busy = False
        self._is_reading = True
        self._is_last = False
        self._stays = True
        self._has_last = False  # read the request that its caller says is the last
        self._is_head = False
        self._is_going_on = False
        self.heard_at = time.monotonic()
        self.begun_at: float | None = None
        self.clogged_at: float | None = None

    # -- what asyncio tells ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it. A request under way is finished all the same: its decision is made."""
        del exc
        self._server.closed(self)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Take in some of the stream."""
        self.heard_at = time.monotonic()
        if self._is_last:
            return  # what follows a refusal has no beginning that could be known
        if self.begun_at is None and not self._has_last:
            data = self._take_whole(data)
            if not data:
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_last = True  # it was answered in the protocol that it came in, as any may
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST, "the request is not HTTP/1.1")

    def pause_writing(self) -> None:
        """Read and answer no more requests while the caller does not read its answers."""
        self.clogged_at = time.monotonic()
        self._read(wanted=False)

    def resume_writing(self) -> None:
        """Go on."""
        self.clogged_at = None
        if not self.is_busy:
            self._go_on()
        self._read(wanted=len(self._waiting) < _PIPELINED_MOST)

    # -- what httptools tells ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.begun_at = self.heard_at
        self._target = b""
        self._headers = {}
        self._header_bytes = 0
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take in some of its target."""
        self._target += url
        self._header_bytes += len(url)
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse_header()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a header."""
        self._headers.setdefault(name.lower(), value)
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse_header()

    def on_headers_complete(self) -> None:
        """Look at what the headers announce."""
        headers = self._headers
        if int(headers.get(b"content-length", 0)) > self._server.limits.body_bytes:
            self._refuse_body()
        elif headers.get(b"expect", b"").lower() == b"100-continue" and not self._refusal:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Take in some of its body."""
        self._body_bytes += len(body)
        if self._body_bytes > self._server.limits.body_bytes:
            self._refuse_body()
        elif self._refusal is None:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer it, or let it wait for those before it."""
        if self._is_last:
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        head = Head.of(self._parser.get_method(), self._target, self._headers)
        begun = self.heard_at if self.begun_at is None else self.begun_at
        self.begun_at = None
        stays = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        self._has_last = not stays
        self._take(HttpRequest(head, body, begun=begun), stays)

    def _take_whole(self, data: bytes) -> bytes:
        """Take the requests at the beginning of a packet that are there whole; return what is left."""
        start = 0
        while not self._is_last:
            end = data.find(_END, start) + len(_END)
            if not start < end - len(_END) <= start + KNOWN_BYTES:
                break
            known = known_head(data[start:end])
            if known is None:
                break
            head, body_bytes = known
            after = end + body_bytes
            if after > len(data) or body_bytes > self._server.limits.body_bytes:
                break
            self._take(HttpRequest(head, data[end:after], begun=self.heard_at), stays=True)
            if after == len(data):
                return b""
            start = after
        return data[start:]

    def _take(self, request: HttpRequest, stays: bool) -> None:
        """Answer a request, or let it wait for those before it."""
        if self.is_busy or self._waiting or self.clogged_at is not None:
            self._waiting.append((request, stays))
            self._read(wanted=len(self._waiting) < _PIPELINED_MOST)
        else:
            self._start(request, stays)

    # -- answering ---------------------------------------------------------------------------------

    def end(self) -> None:
        """Close it, after the answer that is under way."""
        self._is_last = True
        self._waiting.clear()
        if not self.is_busy:
            self._transport.close()

    def time_out(self) -> None:
        """Refuse a request that takes too long to come."""
        if not self._is_last:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive")

    def abort(self) -> None:
        """Close it now."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def _start(self, request: HttpRequest, stays: bool) -> None:
        """Begin to answer; most answers are there at once."""
        self.is_busy = True
        self._stays = stays
        self._is_head = request.method == "HEAD"
        found = self._server.app.answer(request)
        if isinstance(found, Answer):
            self._answered(found)
        elif isinstance(found, Coroutine):
            self._task = run_eagerly(found, self._server.loop, self._answered)
        else:
            found.then(self._answered)

    def _answered(self, answer: Answer) -> None:
        self.is_busy = False
        self._task = None
        more = self._refusal is not None or not (self._is_last or self._server.is_ending)
        self._write(answer, stays=self._stays and more, is_head=self._is_head)
        if self._waiting or self._refusal is not None:
            self._go_on()

    def _go_on(self) -> None:
        """Answer what waits, and then what was refused in the meantime."""
        if self._is_going_on:
            return  # of this the loop below takes care: as many as one packet holds may wait
        self._is_going_on = True
        try:
            while self._waiting and not (self.is_busy or self._is_stuck()):
                self._start(*self._waiting.popleft())
        finally:
            self._is_going_on = False
        if self._is_stuck():
            return
        self._read(wanted=len(self._waiting) < _PIPELINED_MOST)
        if self._refusal is not None and not self.is_busy and not self._waiting:
            self._write(self._refusal, stays=False, is_head=False)

    def _is_stuck(self) -> bool:
        return self.clogged_at is not None or self._transport.is_closing()

    def _write(self, answer: Answer, *, stays: bool, is_head: bool) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        body, kind, status, headers = answer
        if status is _OK and kind is JSON and stays and not (headers or is_head):  # most of them
            transport.write(b"%b%d\r\n\r\n%b" % (_BEFORE_JSON, len(body), body))
            return
        more = b"".join([b"%b: %b\r\n" % header for header in headers]) if headers else b""
        transport.write(
            b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b%b"
            % (
                _LINES[status],
                kind,
                len(body),
                more,
                b"\r\n" if stays else b"connection: close\r\n\r\n",
                b"" if is_head else body,
            )
        )
        if not stays:
            self._is_last = True
            transport.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Refuse what comes now, behind the answers to what came before, and close."""
        self._is_last = True
        self._refusal = Answer(msgspec.json.encode({"error": message}), status=status)
        if not self.is_busy:
            self._go_on()

    def _refuse_body(self) -> None:
        most = self._server.limits.body_bytes
        self._refuse(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is larger than {most} bytes; send fewer rows at a time",
        )

    def _refuse_header(self) -> None:
        if self._refusal is None:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the headers are larger than {MAX_HEADER_BYTES} bytes",
            )

    def _read(self, *, wanted: bool) -> None:
        if wanted is not self._is_reading and not self._transport.is_closing():
            self._is_reading = wanted
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()
