"""A web server on loopback that answers what a test says, one answer after the other."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = tuple[int, dict[str, str], bytes]


class Scripted:
    """Answers by path; each path has a list of answers, the last of which is given for ever.

    Attributes:
        asked: Path and headers of every request.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, list[Answer | Callable[[Any], None]]] = {}
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                scripted.asked.append((self.path, dict(self.headers.items())))
                answers = scripted.answers[self.path.partition("?")[0]]
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if callable(answer):
                    answer(self)
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def says(self, path: str, *answers: Answer | Callable[[Any], None]) -> None:
        self.answers[path] = list(answers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.close()


@pytest.fixture
def another() -> Iterator[Scripted]:
    """A second server: another origin."""
    server = Scripted()
    yield server
    server.close()


@pytest.fixture
def elsewhere() -> Iterator[Scripted]:
    """A server on another machine of the private network, as far as numbers go."""
    server = Scripted("127.0.0.2")
    yield server
    server.close()
