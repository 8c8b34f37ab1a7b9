"""The life of a forked task: shed what the server had, take the limits, call, report, vanish."""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from towpath.build.compute import procfs
from towpath.build.compute.calling import call, flush_streams
from towpath.build.compute.wire import pack

if TYPE_CHECKING:
    from collections.abc import Mapping

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)


_forks: list[int] = []  # this process's id, if it is a task; inherited ones are of its parents


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A task as it travels to the fork server."""

    id: str
    call: str
    payload: dict[str, Any]
    threads: int
    memory_bytes: int | None
    timeout_s: float | None
    env: dict[str, str]
    log: str


def live(order: Order, report: int, parent: int) -> NoReturn:
    """Run a task in this freshly forked process and exit. Never returns, never raises.

    Args:
        order: What to run.
        report: Write end of the pipe on which frames go back.
        parent: The fork server's process id; this process dies with it.
    """
    status = 1
    try:
        os.setsid()
        procfs.die_with_parent(parent)
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(one, signal.SIG_DFL)
        _forks.append(os.getpid())
        log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        redirect(log)
        os.close(log)
        os.environ.update(order.env)
        _limit_threads(order.threads)
        _forget_randomness()
        procfs.reset_peak()
        baseline = procfs.resident_bytes(os.getpid())

        def emit(message: dict[str, Any]) -> None:
            _write(report, {"message": message})

        fields = call(order.call, order.payload, emit)
        peak = max(0, procfs.peak_bytes(os.getpid()) - baseline)
        flush_streams()
        try:
            frame = pack({"result": {**fields, "peak_bytes": peak}})
        except (TypeError, ValueError) as error:
            frame = pack({"result": {"status": "failed", "error": f"unsendable result: {error}"}})
        _write_all(report, frame)
        status = 0
    finally:
        # No interpreter shutdown: library threads that only existed in the server would be waited for.
        os._exit(status)


def is_forked() -> bool:
    """Tell whether this process began as a fork of a fork server."""
    return os.getpid() in _forks


def redirect(output: int) -> None:
    """Let standard input be empty and both outputs go to the file `output`."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)


def _limit_threads(threads: int) -> None:
    """Give numeric libraries as many threads as the task counts for, loaded already or not."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    if "threadpoolctl" in sys.modules:
        importlib.import_module("threadpoolctl").threadpool_limits(limits=threads)


def _forget_randomness() -> None:
    """Don't let every fork draw the numbers that the server would have drawn next."""
    random.seed()
    if "numpy" in sys.modules:
        importlib.import_module("numpy").random.seed()


def _write(report: int, frame: Mapping[str, Any]) -> None:
    _write_all(report, pack(dict(frame)))


def _write_all(report: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(report, view) :]
