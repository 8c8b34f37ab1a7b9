"""Runs tasks in this very process, one after the other: for tests and debuggers."""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

import msgspec

from towpath.build.compute.calling import call
from towpath.build.compute.contract import Outcome
from towpath.build.compute.fitting import refuse_oversized
from towpath.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from towpath.build.compute.contract import Emit, Task


class InlineExecutor:
    """Calls each task's function in `submit`, which returns when it is over.

    A breakpoint in a step works here, and nothing has to be pickled, forked or warmed. Limits are not
    enforced, a step that crashes the interpreter crashes the caller, and while a task runs, what this
    process prints goes to the task's log.
    """

    def __init__(self, *, cpus: int | None = None) -> None:
        self._cpus = cpus or len(os.sched_getaffinity(0))
        self._closed = False

    @property
    def isolated(self) -> bool:
        """False: tasks share the caller's process."""
        return False

    @property
    def cpus(self) -> int:
        """How many cores a task may ask for."""
        return self._cpus

    def warm(self, modules: Iterable[str]) -> None:
        """Do nothing: what this process has imported is warm."""

    def submit(self, task: Task, *, on_message: Emit | None = None) -> Future[Outcome]:
        """Run a task and return its outcome in a future that is done."""
        if self._closed:
            raise Unavailable("the executor is closed")
        refuse_oversized(task.resources, cpus=self._cpus)
        began, cpu = time.monotonic(), time.process_time()
        # Encoded and back, so that a payload which could not travel fails here too.
        payload = msgspec.msgpack.decode(msgspec.msgpack.encode(task.payload), type=dict)
        with (
            task.log.open("a", encoding="utf-8") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
            _environment(task.env),
        ):
            fields = call(task.call, payload, on_message or _ignore)
        future: Future[Outcome] = Future()
        future.set_result(
            msgspec.convert(
                {
                    **fields,
                    "seconds": time.monotonic() - began,
                    "cpu_s": time.process_time() - cpu,
                },
                Outcome,
            )
        )
        return future

    def cancel(self, task_id: str, *, grace_s: float = 0.0) -> None:
        """Do nothing: every task that was submitted is over."""

    def close(self) -> None:
        """Take no more tasks."""
        self._closed = True


def _ignore(message: Mapping[str, object]) -> None:
    del message


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
