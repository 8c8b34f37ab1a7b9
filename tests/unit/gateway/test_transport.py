"""HTTP/1.1 over real sockets: bounds, order, endings, and streams that are no HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from towpath.gateway.http.accepting import HttpServer
from towpath.gateway.http.messages import Answer, HttpRequest
from towpath.gateway.http.transport import MAX_HEADER_BYTES
from towpath.gateway.limits import Limits

DEADLINE_S = 20.0
MOST = 1000


class Echo:
    """Answers with what it was asked; `/slow` waits until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.asked = threading.Event()
        self.finished: list[str] = []

    async def answer(self, request: HttpRequest) -> Answer:
        self.asked.set()
        if request.path == "/slow":
            await asyncio.to_thread(self.let_go.wait, DEADLINE_S)
        self.finished.append(request.path)
        said = f"{request.method} {request.path} {request.query.decode()} ".encode()
        return Answer(said + request.body(), b"text/plain", headers=((b"x-one", b"1"),))


class Served:
    """A server in a thread, and raw connections to it."""

    def __init__(self, **limits: float) -> None:
        self.app = Echo()
        self.limits = {"body_bytes": MOST, "drain_s": DEADLINE_S} | limits
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.address = self.listener.getsockname()
        self._end: Callable[[], object] = lambda: None
        self._started = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        self._thread.start()
        assert self._started.wait(DEADLINE_S)

    async def _run(self) -> None:
        until, loop = asyncio.Event(), asyncio.get_running_loop()
        self._end = lambda: loop.call_soon_threadsafe(until.set)
        server = HttpServer(self.app, limits=Limits(**self.limits))  # type: ignore[arg-type]
        self._started.set()
        await server.serve(self.listener, until=until)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, DEADLINE_S)

    def say(self, data: bytes, *, answers: int = 1) -> bytes:
        """Send bytes on a connection of their own and return so many answers, or all until its end."""
        with self.connect() as connection:
            connection.sendall(data)
            return self.hear(connection, answers=answers)

    @staticmethod
    def hear(connection: socket.socket, *, answers: int) -> bytes:
        heard = b""
        while heard.count(b"\r\n\r\n") < answers or not _is_whole(heard):
            piece = connection.recv(1 << 16)
            if not piece:
                break
            heard += piece
        return heard

    def end(self) -> None:
        if self._thread.is_alive():
            self._end()

    def join(self) -> bool:
        self._thread.join(DEADLINE_S)
        return not self._thread.is_alive()


def _is_whole(heard: bytes) -> bool:
    """Tell whether the last answer has all of its body."""
    head, _, body = heard.rpartition(b"\r\n\r\n")
    length = int(head.rpartition(b"content-length: ")[2].split(b"\r\n")[0])
    return len(body) >= length


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.app.let_go.set()
    made.end()
    assert made.join()


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_an_answer_has_status_type_length_and_headers(served: Served) -> None:
    heard = served.say(post("/a%20b?x=%41", b"body"))
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"content-type: text/plain",
        b"content-length: 20",
        b"x-one: 1",
    ]
    assert body == b"POST /a b x=%41 body"


def test_a_body_may_come_in_pieces_and_in_chunks(served: Served) -> None:
    whole = post("/", b"body")
    with served.connect() as connection:
        for at in range(len(whole)):
            connection.sendall(whole[at : at + 1])
        assert served.hear(connection, answers=1).endswith(b"POST /  body")
    chunked = (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
    )
    assert served.say(chunked).endswith(b"POST /  body")


def test_requests_of_a_connection_are_answered_in_order(served: Served) -> None:
    many = [post("/slow", b""), *(post(f"/{n}", b"") for n in range(40))]
    with served.connect() as connection:
        connection.sendall(b"".join(many))
        assert served.app.asked.wait(DEADLINE_S)
        served.app.let_go.set()
        served.hear(connection, answers=41)
    assert served.app.finished == ["/slow", *(f"/{n}" for n in range(40))]


def test_head_is_answered_without_a_body(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"HEAD /h HTTP/1.1\r\n\r\n" + post("/next", b""))
        heard = served.hear(connection, answers=2)
    assert heard.count(b"content-length: 9\r\n") == 1
    assert b"HEAD /h" not in heard
    assert heard.endswith(b"POST /next  ")


LEAVING = [
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
]


@pytest.mark.parametrize("asked", LEAVING, ids=["1.0", "close", "upgrade"])
def test_who_does_not_stay_is_let_go(served: Served, asked: bytes) -> None:
    heard = served.say(asked, answers=2)  # until the end of the connection
    assert heard.count(b"HTTP/1.1 200 OK") == 1
    assert b"connection: close\r\n" in heard


def test_a_body_is_asked_for_when_its_sender_waits_to_be(served: Served) -> None:
    whole = post("/", b"body", "Expect: 100-continue")
    with served.connect() as connection:
        connection.sendall(whole[:-4])
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"body")
        assert served.hear(connection, answers=1).endswith(b"POST /  body")


LONG = b"x" * (MOST + 1)
REFUSED = {
    "long and announced": (post("/", LONG)[:-MOST], b"413", b"larger than 1000 bytes"),
    "long and not announced": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(LONG), LONG),
        b"413",
        b"larger than 1000 bytes",
    ),
    "headers without end": (
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (MAX_HEADER_BYTES // 2 + 1),
        b"431",
        b"headers are larger",
    ),
    "target without end": (b"GET /" + b"a" * (MAX_HEADER_BYTES + 1), b"431", b"headers are larger"),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400", b"not HTTP/1.1"),
    "length is no number": (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400", b"not HTTP"),
}


@pytest.mark.parametrize(("data", "status", "says"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_a_request_is_refused_and_ended(
    served: Served, data: bytes, status: bytes, says: bytes
) -> None:
    heard = served.say(data, answers=2)  # until the end of the connection
    assert heard.startswith(b"HTTP/1.1 " + status)
    assert says in heard
    assert served.app.finished == []


def test_a_refusal_comes_behind_the_answers_to_what_came_before(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(post("/slow", b"") + b"rubbish\r\n\r\n")
        assert served.app.asked.wait(DEADLINE_S)
        served.app.let_go.set()
        heard = served.hear(connection, answers=3)
    assert heard.index(b"200 OK") < heard.index(b"400 Bad Request")


def test_a_request_under_way_is_finished_when_the_server_ends(served: Served) -> None:
    with served.connect() as busy, served.connect() as idle:
        busy.sendall(post("/slow", b""))
        assert served.app.asked.wait(DEADLINE_S)
        served.end()
        assert idle.recv(1) == b""
        served.app.let_go.set()
        heard = served.hear(busy, answers=2)
    assert heard.count(b"HTTP/1.1 200 OK") == 1
    assert b"connection: close\r\n" in heard
    assert served.join()


def test_an_answer_that_nobody_waits_for_is_made_all_the_same(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(post("/slow", b""))
        assert served.app.asked.wait(DEADLINE_S)
    served.app.let_go.set()
    assert served.say(post("/next", b"")).endswith(b"POST /next  ")
    served.end()
    assert served.join()
    assert sorted(served.app.finished) == ["/next", "/slow"]


def test_as_many_requests_as_one_packet_holds_may_wait_for_one_under_way(served: Served) -> None:
    """They are answered in a loop, not each from within the one before."""
    count = 600
    with served.connect() as connection:
        connection.sendall(post("/slow", b"") + b"".join([post("/", b"")] * count))
        assert served.app.asked.wait(DEADLINE_S)
        served.app.let_go.set()
        heard = served.hear(connection, answers=count + 1)
    assert heard.count(b"HTTP/1.1 200 OK") == count + 1


# -- bounds of time and number -----------------------------------------------------------------------


@pytest.fixture
def bounded(request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served(**request.param)
    yield made
    made.app.let_go.set()
    made.end()
    assert made.join()


def bounds(**limits: float) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bounded", [limits], indirect=True)


def read_all(connection: socket.socket) -> bytes:
    parts: list[bytes] = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


@bounds(read_s=0.2)
def test_a_request_that_comes_too_slowly_is_refused(bounded: Served) -> None:
    with bounded.connect() as slow:
        slow.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        answer = read_all(slow)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert bounded.app.finished == []


@bounds(idle_s=0.2)
def test_a_connection_that_asks_nothing_is_closed(bounded: Served) -> None:
    with bounded.connect() as idle, bounded.connect() as busy:
        busy.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        assert bounded.app.asked.wait(DEADLINE_S)
        assert read_all(idle) == b""
        bounded.app.let_go.set()
        assert busy.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


@bounds(write_s=0.2, body_bytes=1 << 22)
def test_a_caller_that_reads_no_answers_is_cut_off_and_asked_no_more(bounded: Served) -> None:
    body = b"x" * (1 << 20)
    asked = b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with bounded.connect() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(OSError):
            for _ in range(200):
                deaf.sendall(asked)
    assert len(bounded.app.finished) < 100


@bounds(connections=2)
def test_further_connections_wait_for_one_to_end(bounded: Served) -> None:
    with bounded.connect() as first, bounded.connect() as second:
        for one in (first, second):
            one.sendall(b"GET /a HTTP/1.1\r\n\r\n")
            assert one.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        third = bounded.connect()
        third.sendall(b"GET /third HTTP/1.1\r\n\r\n")
        first.sendall(b"GET /b HTTP/1.1\r\n\r\n")
        assert first.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        assert "/third" not in bounded.app.finished
    with third:
        assert third.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


@bounds(handover_s=DEADLINE_S)
def test_at_the_end_callers_that_stay_are_told_with_their_next_answer(bounded: Served) -> None:
    with bounded.connect() as stays:
        stays.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        assert b"connection: close" not in stays.recv(1 << 16)
        bounded.end()
        with pytest.raises(OSError):  # once nobody listens any more
            while True:
                bounded.connect().close()
        stays.sendall(b"GET /b HTTP/1.1\r\n\r\n")
        answer = read_all(stays)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer


@bounds(linger_s=0.5)
def test_a_gateway_that_lingers_goes_on_taking_connections(bounded: Served) -> None:
    bounded.end()
    with bounded.connect() as late:
        late.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        assert b"connection: close" in read_all(late)
