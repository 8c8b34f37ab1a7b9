"""Two ways to start a fork server: a fresh interpreter, or a fork of this process."""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, NoReturn, Protocol

from towpath.build.compute import child, procfs
from towpath.build.compute.forkserver import ForkServer

if TYPE_CHECKING:
    import socket

# Read when a library loads, so they must be set before a fresh server starts. The allocators'
# background threads would not survive a fork; one BLAS thread keeps the server single-threaded, and
# each task raises it to its own cpus.
SERVER_ENVIRONMENT = {
    "_RJEM_MALLOC_CONF": "background_thread:false",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_CUSTOMARY = {"OMP_WAIT_POLICY": "passive"}  # tasks share cores: see `cli.main`
_SERVE = "from towpath.build.compute.forkserver import main; main()"
# They sleep until they are called upon, hold nothing while they sleep, and are not missed in a fork:
# jemalloc resets its own, and the other clears files of polars queries, of which none has run yet.
_SLEEPERS = ("jemalloc_bg_thd", "polars-ooc-clea")
_QUIET_WITHIN_S = 0.25


class ServerProcess(Protocol):
    """What an executor needs of the process it started."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code. Raises `subprocess.TimeoutExpired`."""
        ...

    def kill(self) -> None:
        """Kill it; fine if it is gone."""
        ...


def spawn_server(
    mine: socket.socket, theirs: socket.socket, output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a fresh interpreter that serves `theirs`."""
    del mine  # not inherited: it is closed on exec
    theirs.set_inheritable(True)
    return subprocess.Popen(  # noqa: S603  our own module, by our own interpreter
        [sys.executable, "-P", "-c", _SERVE, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**_CUSTOMARY, **os.environ, **SERVER_ENVIRONMENT},
    )


def fork_server(mine: socket.socket, theirs: socket.socket, output: IO[bytes]) -> ForkedServer:
    """Fork this process, which must be fit for it, into one that serves `theirs`."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _become_server(mine, theirs, output)
    return ForkedServer(pid)


def unfit_to_fork() -> str:
    """Return why a fork of this process might deadlock; empty if it can't.

    It can't when nothing of the process but this thread is at work or could hold a lock: no other
    Python thread, and no native one but sleepers that are known and the pools of OpenBLAS, which takes
    them down before a fork. A pool of polars or OpenMP, once started, makes a process unfit for good.
    """
    if threading.active_count() != 1:
        return f"it has {threading.active_count()} Python threads"
    deadline = time.monotonic() + _QUIET_WITHIN_S
    while why := _noise():
        if time.monotonic() > deadline:
            return why
        time.sleep(0.001)  # a thread that has just been joined takes a moment to be gone
    return ""


class ForkedServer:
    """A fork server that is our own child."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code."""
        if self._code is None:
            if not select.select([self._pidfd], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("fork server", timeout or 0.0)
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            os.close(self._pidfd)
        return self._code

    def kill(self) -> None:
        """Kill it."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)


def _become_server(mine: socket.socket, theirs: socket.socket, output: IO[bytes]) -> NoReturn:
    status = 1
    try:
        mine.close()
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the executor's to handle
        child.redirect(output.fileno())
        ForkServer(theirs).serve()
        status = 0
    finally:
        os._exit(status)


def _noise() -> str:
    """Return which native threads are at work or may be; empty if none."""
    unknown = [name for name in procfs.thread_names() if name not in _SLEEPERS]
    if len(unknown) > 1 and len(unknown) - 1 != _blas_threads():
        return f"it has native threads that may be at work: {', '.join(unknown)}"
    return "" if procfs.threads_asleep() else "a native thread is at work"


def _blas_threads() -> int:
    """Return how many native threads belong to the pools of OpenBLAS.

    They are started when the library is loaded. In a process that was itself forked they are gone, and
    nothing starts them again before it is too late to ask.
    """
    if child.is_forked() or "numpy" not in sys.modules:
        return 0
    try:
        pools = importlib.import_module("threadpoolctl").threadpool_info()
    except ImportError:
        return 0
    return sum(one["num_threads"] - 1 for one in pools if one["internal_api"] == "openblas")
