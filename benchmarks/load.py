"""A closed loop of HTTP clients over kept-alive connections, cheap enough to saturate one server process.

One thread and epoll: a client library would measure itself. Each connection has one request under way.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TICKS = os.sysconf("SC_CLK_TCK")
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a server did under a load.

    Attributes:
        requests_per_s: Answers per second of wall time.
        p50_ms: Median time from the last byte sent to the last byte received.
        p99_ms: The same, 99th percentile.
        cpu_us: Processor time of the server's process per request.
        failed: Answers whose status was not 200.
    """

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


def post(path: str, body: bytes, *, headers: Sequence[str] = ()) -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def drive(
    port: int, requests: Sequence[bytes], *, pid: int, connections: int, seconds: float
) -> Load:
    """Send requests in turn, one at a time on each connection, and return what that did."""
    turns = cycle(requests)
    with selectors.DefaultSelector() as selector:
        clients = [_Client(port) for _ in range(connections)]
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        spent, begun = cpu_s(pid), time.perf_counter()
        until = begun + seconds
        latencies: list[float] = []
        failed = 0
        for client in clients:
            client.send(next(turns))
        while (now := time.perf_counter()) < until:
            for key, _ in selector.select(until - now):
                client: _Client = key.data
                status = client.receive()
                if status:
                    latencies.append(time.perf_counter() - client.sent_at)
                    failed += status != b"200"
                    client.send(next(turns))
        wall_s, cpu = time.perf_counter() - begun, cpu_s(pid) - spent
        for client in clients:
            client.socket.close()
    if not latencies:
        raise RuntimeError(f"nothing was answered within {seconds} s")
    latencies.sort()
    count = len(latencies)
    return Load(
        requests_per_s=round(count / wall_s, 1),
        p50_ms=round(latencies[count // 2] * 1e3, 3),
        p99_ms=round(latencies[int(count * 0.99)] * 1e3, 3),
        cpu_us=round(cpu / count * 1e6, 1),
        failed=failed,
    )


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and all of its descendants that are alive."""
    return (
        sum(
            sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()[11:13]))
            for one in _family(pid)
        )
        / _TICKS
    )


def rss_mb(pid: int) -> float:
    """Return the memory of a process and all of its descendants, shared pages counted in each."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(
        int(Path(f"/proc/{one}/statm").read_text().split()[1]) * page for one in _family(pid)
    ) / (1 << 20)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


class _Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self._held = b""

    def send(self, request: bytes) -> None:
        self.socket.sendall(request)
        self.sent_at = time.perf_counter()

    def receive(self) -> bytes:
        """Take in what has come; return the status once the answer is whole, else nothing."""
        piece = self.socket.recv(_CHUNK)
        if not piece:
            raise ConnectionError("the server closed a connection under load")
        self._held += piece
        head, found, body = self._held.partition(b"\r\n\r\n")
        if not found:
            return b""
        _, _, length = head.lower().partition(b"content-length:")
        if not length:  # in chunks, of which the last is empty
            if not body.endswith(b"0\r\n\r\n"):
                return b""
        elif len(body) < int(length.split(b"\r\n", 1)[0]):
            return b""
        self._held = b""
        return head[9:12]
