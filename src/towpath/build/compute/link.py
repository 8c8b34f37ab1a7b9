"""The executor's end of a fork server."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

import structlog

from towpath.build.compute.wire import FrameBuffer, pack
from towpath.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.build.compute.contract import Emit
    from towpath.build.compute.starting import ServerProcess

log = structlog.get_logger()

_CLOSE_WITHIN_S = 10.0
_CHUNK = 1 << 16


class ServerLink:
    """A running fork server, the socket to it, and the thread that reads from it.

    Args:
        receive: Called with each frame of the server, from the reader thread.
        lost: Called when the server ends without having been closed.
        start: Starts the process; see `starting`.
    """

    def __init__(
        self,
        receive: Emit,
        lost: Callable[[ServerLink], None],
        *,
        start: Callable[[socket.socket, socket.socket, IO[bytes]], ServerProcess],
    ) -> None:
        self._receive = receive
        self._lost = lost
        self._closing = False
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed with the server
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = start(self._socket, theirs, self._output)
        self._reader = threading.Thread(target=self._read, name="forkserver-reader", daemon=True)
        self._reader.start()

    def send(self, frame: dict[str, Any]) -> None:
        """Send an order.

        Raises:
            Unavailable: The server is gone.
        """
        try:
            self._socket.sendall(pack(frame))
        except OSError as error:
            raise Unavailable(
                "the process that steps are forked from is gone", remedy="Run again."
            ) from error

    def close(self) -> None:
        """Hang up, which ends the server and its tasks, and wait for it."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._reader:
            self._reader.join(_CLOSE_WITHIN_S)
        try:
            self._process.wait(_CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket.close()
        self._output.close()

    def exit_code(self) -> int | None:
        """Return how the server exited; None if it does not end."""
        try:
            return self._process.wait(_CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            return None

    def output_tail(self) -> str:
        """Return the end of what the server itself printed."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - 2_000))
        return self._output.read().decode(errors="replace")

    def _read(self) -> None:
        frames = FrameBuffer()
        while True:
            try:
                data = self._socket.recv(_CHUNK)
            except OSError:
                data = b""
            if not data:
                break
            for frame in frames.feed(data):
                try:
                    self._receive(frame)
                except Exception:
                    log.exception("forkserver.listener_failed", op=frame.get("op"))
        if not self._closing:
            self._lost(self)
