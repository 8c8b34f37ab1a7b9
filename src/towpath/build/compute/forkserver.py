"""The process that tasks are forked from: libraries loaded once, nothing ever computed in it.

It reads orders from a socket and answers on it. It is single-threaded Python and supervises its
children: it alone holds their deadlines and memory limits, so that an executor that hangs can't turn
a limit soft. When the socket closes (its executor ended, however) it kills every child with all that
they started, and exits; when it dies itself, the kernel kills its children.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from towpath.build.compute import procfs
from towpath.build.compute.child import Order, live
from towpath.build.compute.wire import FrameBuffer, pack
from towpath.core.errors import Unavailable

# Importing these starts no thread that works: see the test that holds every one of them to it.
PRELOADABLE = frozenset(
    {
        "lightgbm",
        "msgspec",
        "numpy",
        "obstore",
        "polars",
        "pyarrow",
        "scipy",
        "sklearn",
        "skops",
        "threadpoolctl",
        "towpath",
    }
)
_MEMORY_POLL_S = 0.05
_QUIET_WITHIN_S = 5.0
_CHUNK = 1 << 16


@dataclass(slots=True)
class _Child:
    order: Order
    pid: int
    pidfd: int
    report: int
    began: float
    baseline_bytes: int
    frames: FrameBuffer = field(default_factory=FrameBuffer)
    result: dict[str, Any] | None = None
    stopped: str = ""  # why we killed it, if we did
    kill_at: float | None = None  # when the grace is over that it was given to stop by itself
    reaped: bool = False
    peak_bytes: int = 0

    @property
    def deadline(self) -> float | None:
        limit = self.order.timeout_s
        ends = [] if limit is None else [self.began + limit]
        return min(ends + ([] if self.kill_at is None else [self.kill_at]), default=None)


class ForkServer:
    """Forks, watches and reaps tasks for one executor."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._inbox = FrameBuffer()
        self._outbox: deque[bytes] = deque()
        self._children: dict[str, _Child] = {}
        self._selector = selectors.DefaultSelector()
        self._open = True

    def serve(self) -> None:
        """Handle orders until the executor goes away."""
        self._control.settimeout(0)
        self._selector.register(self._control, selectors.EVENT_READ, self._on_control)
        while self._open:
            for key, events in self._selector.select(self._patience()):
                key.data(events)
            self._enforce()
        for child in self._children.values():
            _kill(child.pid)

    def _on_control(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ:
            try:
                data = self._control.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._open = False
                return
            for frame in self._inbox.feed(data):
                self._obey(frame)

    def _obey(self, frame: dict[str, Any]) -> None:
        match frame["op"]:
            case "run":
                self._start(msgspec.convert(frame["task"], Order))
            case "kill":
                self._cancel(frame["id"], frame["grace_s"])
            case _:
                preload(frame["modules"])

    def _start(self, order: Order) -> None:
        _wait_until_quiet()
        reading, writing = os.pipe()
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            result = {"status": "killed", "error": f"the machine can't fork: {error.strerror}"}
            self._send({"op": "done", "id": order.id, "result": result})
            return
        if pid == 0:
            try:
                self._shed()
                live(order, writing, server)
            finally:
                os._exit(1)
        os.close(writing)
        os.set_blocking(reading, False)
        child = _Child(
            order=order,
            pid=pid,
            pidfd=os.pidfd_open(pid),
            report=reading,
            began=time.monotonic(),
            baseline_bytes=procfs.anonymous_bytes(pid),
        )
        self._children[order.id] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ, partial(self._reap, child))
        self._selector.register(reading, selectors.EVENT_READ, partial(self._on_report, child))

    def _shed(self) -> None:
        """In the child: let go of the executor's socket and of the siblings' pipes."""
        self._selector.close()
        self._control.close()
        for sibling in self._children.values():
            os.close(sibling.pidfd)
            os.close(sibling.report)

    def _listen(self, child: _Child) -> bool:
        """Take in what a child reports; False once there is nothing more to read now."""
        try:
            data = os.read(child.report, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            with contextlib.suppress(KeyError):
                self._selector.unregister(child.report)
            return False
        for frame in child.frames.feed(data):
            if "message" in frame:
                self._send({"op": "message", "id": child.order.id, "message": frame["message"]})
            else:
                child.result = frame["result"]
        return True

    def _on_report(self, child: _Child, _events: int) -> None:
        if not child.reaped:  # its end may have been handled in the same round, and its pipe closed
            self._listen(child)

    def _reap(self, child: _Child, _events: int) -> None:
        while self._listen(child):
            pass
        _kill(child.pid)  # what it started and left behind; before its number can be given again
        _, status, usage = os.wait4(child.pid, 0)
        self._selector.unregister(child.pidfd)
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.report)
        os.close(child.pidfd)
        os.close(child.report)
        child.reaped = True
        del self._children[child.order.id]
        result = None if child.stopped else child.result
        if child.kill_at is not None and result is not None and result["status"] != "done":
            result = None  # it was on its way out
        if child.kill_at is not None and result is None:
            child.stopped = child.stopped or "killed"
        if result is None:
            result = _verdict(child, os.waitstatus_to_exitcode(status))
        result["seconds"] = time.monotonic() - child.began
        result["cpu_s"] = usage.ru_utime + usage.ru_stime
        result["peak_bytes"] = max(child.peak_bytes, result.get("peak_bytes", 0))
        self._send({"op": "done", "id": child.order.id, "result": result})

    def _patience(self) -> float | None:
        """Return how long to sleep at most: until the next deadline or look at memory."""
        now = time.monotonic()
        waits = [one.deadline - now for one in self._children.values() if one.deadline is not None]
        if any(child.order.memory_bytes is not None for child in self._children.values()):
            waits.append(_MEMORY_POLL_S)
        return max(0.0, min(waits)) if waits else None

    def _enforce(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.stopped:
                continue
            if child.kill_at is not None and now >= child.kill_at:
                self._stop(child.order.id, "killed")
            elif child.deadline is not None and now >= child.deadline:
                self._stop(child.order.id, "timeout")
            elif child.order.memory_bytes is not None:
                held = sum(map(procfs.anonymous_bytes, procfs.with_descendants(child.pid)))
                child.peak_bytes = max(child.peak_bytes, held - child.baseline_bytes)
                if child.peak_bytes > child.order.memory_bytes:
                    self._stop(child.order.id, "memory")

    def _cancel(self, task_id: str, grace_s: float) -> None:
        """Kill a task, or ask it to stop and see to it that it does."""
        child = self._children.get(task_id)
        if child is None or grace_s <= 0:
            self._stop(task_id, "killed")
        elif child.kill_at is None:
            child.kill_at = time.monotonic() + grace_s
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child.pidfd, signal.SIGTERM)

    def _stop(self, task_id: str, why: str) -> None:
        child = self._children.get(task_id)
        if child is not None:
            child.stopped = child.stopped or why
            _kill(child.pid)

    def _send(self, frame: dict[str, Any]) -> None:
        self._outbox.append(pack(frame))
        self._flush()

    def _flush(self) -> None:
        """Send what the socket takes; the rest waits for it, so that limits are never blocked."""
        while self._outbox:
            data = self._outbox[0]
            try:
                sent = self._control.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._open = False
                return
            if sent < len(data):
                self._outbox[0] = data[sent:]
                break
            self._outbox.popleft()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        self._selector.modify(self._control, wanted, self._on_control)


def preload(modules: list[str]) -> None:
    """Import what is known to be safe to fork afterwards; skip what is not there or not known."""
    for module in modules:
        if module.partition(".")[0] in PRELOADABLE:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
    gc.collect()
    gc.freeze()  # the collector must not touch, and so copy, the pages that children share


def _wait_until_quiet() -> None:
    deadline = time.monotonic() + _QUIET_WITHIN_S
    while not procfs.threads_asleep() and time.monotonic() < deadline:
        time.sleep(0.001)


def _kill(pid: int) -> None:
    """Kill a task and its process group; it leads one of its own from its first moment on."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _verdict(child: _Child, code: int) -> dict[str, Any]:
    """Return the outcome of a child that ended without reporting one."""
    order = child.order
    match child.stopped:
        case "timeout":
            return {"status": "timeout", "error": f"it ran longer than {order.timeout_s:g} s"}
        case "memory":
            limit = (order.memory_bytes or 0) / (1 << 20)
            return {"status": "memory", "error": f"it held more than {limit:g} MiB"}
        case "killed":
            return {"status": "killed", "error": "it was cancelled"}
        case _ if code == -signal.SIGKILL:  # from outside: nothing in the task does that to itself
            error = "it was ended by SIGKILL"
            return {"status": "killed", "error": error, "error_code": Unavailable.code}
        case _ if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            return {"status": "killed", "error": f"it was ended by {name}"}
        case _:
            return {"status": "failed", "error": f"its process exited with {code}"}


def main() -> None:
    """Serve the socket whose number is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the executor's to handle
    with socket.socket(fileno=int(sys.argv[1])) as control:
        control.set_inheritable(False)
        ForkServer(control).serve()
