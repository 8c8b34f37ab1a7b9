"""Runs each task in a process of its own, forked from one that has the libraries loaded."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import msgspec
import structlog

from towpath.build.compute.contract import Outcome, Task
from towpath.build.compute.fitting import refuse_oversized
from towpath.build.compute.link import ServerLink
from towpath.build.compute.starting import fork_server, spawn_server, unfit_to_fork
from towpath.core.errors import InvalidSetting, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from towpath.build.compute.contract import Emit

log = structlog.get_logger()

NUMERIC = ("numpy", "polars", "pyarrow", "pyarrow.parquet", "threadpoolctl")


@dataclass(slots=True)
class _Held:
    task: Task
    future: Future[Outcome]
    on_message: Emit | None
    running: bool = False


class LocalExecutor:
    """Isolated local processes in about 50 ms each, as many at once as cpus allow.

    The fork server starts with the first task, or with `warm`. If it dies, its tasks come back as
    `killed` and the next submission starts another. `close` it, or use it as a context manager.

    Args:
        cpus: Cores that tasks may use together; by default what this process may run on.
        gpus: Accelerators that one task may ask for. They are not handed out: who says that there are
            some sees to it that a task gets its own.
        preload: Modules to import before the first fork, where they are installed. Only those that
            are known not to start working threads are taken.
        fork: Make the server a fork of this very process, now, so that all it has imported is warm at
            once. Where that would not be safe (a thread is at work, or a pool has been started) the
            server is a fresh process as usual.
    """

    def __init__(
        self,
        *,
        cpus: int | None = None,
        gpus: float = 0,
        preload: Sequence[str] = NUMERIC,
        fork: bool = False,
    ) -> None:
        self._cpus = cpus or len(os.sched_getaffinity(0))
        self._gpus = gpus
        self._preload = list(preload)
        self._lock = threading.RLock()
        self._queue: deque[_Held] = deque()
        self._held: dict[str, _Held] = {}
        self._server: ServerLink | None = None
        self._closed = False
        if fork and (why := unfit_to_fork()):
            log.debug("forkserver.spawned", because=why)
        elif fork:
            self._server = ServerLink(self._receive, self._lost, start=fork_server)
            self._server.send({"op": "warm", "modules": self._preload})

    @property
    def isolated(self) -> bool:
        """True: each task has its own process."""
        return True

    @property
    def cpus(self) -> int:
        """How many cores tasks may use together."""
        return self._cpus

    def warm(self, modules: Iterable[str]) -> None:
        """Start the fork server if need be, and have it import these modules."""
        with self._lock:
            self._running_server().send({"op": "warm", "modules": list(modules)})

    def submit(self, task: Task, *, on_message: Emit | None = None) -> Future[Outcome]:
        """Queue a task; it starts as soon as its cpus are free."""
        refuse_oversized(task.resources, cpus=self._cpus, gpus=self._gpus)
        held = _Held(task, Future(), on_message)
        with self._lock:
            if self._closed:
                raise Unavailable("the executor is closed")
            if task.id in self._held:
                raise InvalidSetting(f"task {task.id!r} is already here")
            self._running_server()
            self._held[task.id] = held
            self._queue.append(held)
            self._admit()
        return held.future

    def cancel(self, task_id: str, *, grace_s: float = 0.0) -> None:
        """Stop a running task, after a grace if one is given; take a waiting one out of the queue."""
        with self._lock:
            held = self._held.get(task_id)
            if held is None:
                return
            if held.running and self._server is not None:
                self._server.send({"op": "kill", "id": task_id, "grace_s": grace_s})
                return
            self._queue.remove(held)
            del self._held[task_id]
        held.future.set_result(Outcome(status="killed", error="it was cancelled"))

    def close(self) -> None:
        """Kill what runs, end the fork server and wait for it."""
        with self._lock:
            self._closed = True
            server, self._server = self._server, None
        if server is not None:
            server.close()
        self._abandon("the executor was closed")

    def __enter__(self) -> Self:
        """Return the executor."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _running_server(self) -> ServerLink:
        if self._closed:
            raise Unavailable("the executor is closed")
        if self._server is None:
            self._server = ServerLink(self._receive, self._lost, start=spawn_server)
            self._server.send({"op": "warm", "modules": self._preload})
        return self._server

    def _admit(self) -> None:
        """Start waiting tasks, first come first served, while the next one's cpus fit."""
        while self._queue and self._server is not None:
            busy = sum(one.task.resources.cpus for one in self._held.values() if one.running)
            if busy + self._queue[0].task.resources.cpus > self._cpus:
                return
            held = self._queue.popleft()
            held.running = True
            with contextlib.suppress(Unavailable):  # then its reader is about to tell every task
                self._server.send({"op": "run", "task": _order(held.task)})

    def _receive(self, frame: dict[str, Any]) -> None:
        """Handle a frame of the server, on its reader thread."""
        if frame["op"] == "message":
            held = self._held.get(frame["id"])
            if held is not None and held.on_message is not None:
                held.on_message(frame["message"])
            return
        outcome = msgspec.convert(frame["result"], Outcome)
        with self._lock:
            held = self._held.pop(frame["id"], None)
            self._admit()
        if held is not None:
            held.future.set_result(outcome)

    def _lost(self, server: ServerLink) -> None:
        """Handle the end of a server that nobody closed."""
        with self._lock:
            if self._server is not server:
                return
            self._server = None
        log.warning("forkserver.died", exit_code=server.exit_code(), output=server.output_tail())
        server.close()
        self._abandon("the process that steps are forked from died", error_code=Unavailable.code)

    def _abandon(self, why: str, *, error_code: str = "") -> None:
        with self._lock:
            held = list(self._held.values())
            self._held.clear()
            self._queue.clear()
        for one in held:
            one.future.set_result(Outcome(status="killed", error=why, error_code=error_code))


def _order(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "call": task.call,
        "payload": dict(task.payload),
        "threads": task.resources.threads,
        "memory_bytes": task.resources.memory_bytes,
        "timeout_s": task.resources.timeout_s,
        "env": dict(task.env),
        "log": str(task.log),
    }
