"""A request is the same however its bytes come: whole, behind a head that was seen before, or one by one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from towpath.gateway.failures import HttpRefusal
from towpath.gateway.http.heads import KNOWN_BYTES, known_head
from towpath.gateway.http.messages import Answer, HttpRequest
from towpath.gateway.http.transport import Connection
from towpath.gateway.limits import Limits


class Kept:
    """A connection without a socket: what it was asked, and what it wrote."""

    is_ending = False
    loop: Any = None

    def __init__(self) -> None:
        self.app = self
        self.limits = Limits(body_bytes=40)
        self.asked: list[tuple[Any, ...]] = []
        self.written = b""
        self.is_closed = False
        self.connection = Connection(self)
        self.connection.connection_made(self)  # type: ignore[arg-type] - as much of one as is asked for

    def answer(self, request: HttpRequest) -> Answer:
        try:
            body: bytes | None = request.body()
        except HttpRefusal:
            body = None
        self.asked.append(
            (request.method, request.path, request.parts, request.query, request.headers, body)
        )
        return Answer(b"%d" % len(self.asked))

    def hear(self, *pieces: bytes) -> tuple[list[tuple[Any, ...]], bytes, bool]:
        for piece in pieces:
            if not self.is_closed:
                self.connection.data_received(piece)
        return self.asked, self.written, self.is_closed

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def opened(self, connection: Connection) -> None:
        """Nothing to do."""

    closed = opened

    def pause_reading(self) -> None:
        """Nothing to do."""

    resume_reading = pause_reading


LINES = st.sampled_from(
    [
        b"POST /a%20b/infer?x=1 HTTP/1.1",
        b"GET /a HTTP/1.1",
        b"HEAD /a HTTP/1.1",
        b"GET /a HTTP/1.0",
        b"\r\nGET /a HTTP/1.1",
        b"GET /a",
        b"",
    ]
)
HEADERS = st.sampled_from(
    [
        b"Host: a",
        b"X-Twice: 1",
        b"x-twice: 2",
        b"Content-Length: 3",
        b"content-length: 3",
        b"Content-Length: 0",
        b"Content-Length: 41",
        b"Content-Length: +3",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: upgrade",
        b"Upgrade: websocket",
        b"Expect: 100-continue",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: gzip",
        b"no header",
    ]
)
BODIES = st.sampled_from([b"", b"abc", b"abcd", b"3\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n", b"x" * 41])
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    said = b""
    for _ in range(draw(st.integers(1, 3))):
        end = draw(ENDS)
        headers = draw(st.lists(HEADERS, max_size=3))
        said += end.join([draw(LINES), *headers, b"", b""]) + draw(BODIES)
    return said


@given(stream=streams(), cuts=st.lists(st.integers(0, 200), max_size=3))
def test_a_stream_means_the_same_whole_or_in_pieces(stream: bytes, cuts: list[int]) -> None:
    byte_by_byte = Kept().hear(*(stream[at : at + 1] for at in range(len(stream))))
    assert Kept().hear(stream) == byte_by_byte
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[begin:end] for begin, end in pairwise(edges)]
    assert Kept().hear(*(piece for piece in pieces if piece)) == byte_by_byte


def test_what_is_usual_is_read_once() -> None:
    head = b"POST /v2/models/a/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    before = known_head.cache_info()
    for _ in range(3):
        assert len(Kept().hear(head + b"abc" + head + b"abc")[0]) == 2
    after = known_head.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 5)


def test_long_heads_are_not_kept() -> None:
    before = known_head.cache_info()
    head = b"GET /a HTTP/1.1\r\nX-Long: " + b"x" * KNOWN_BYTES + b"\r\n\r\n"
    assert len(Kept().hear(head)[0]) == 1
    assert known_head.cache_info() == before
