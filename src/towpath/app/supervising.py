"""`towpath up`: one process tree that runs every role of a home and keeps it running."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import msgspec
import structlog

from towpath.core.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import FrameType

_log = structlog.get_logger(__name__)
_POLL_S = 0.05
_GRACE_S = 20.0  # longer than a gateway takes to drain
_BACKOFF_MOST_S = 5.0
_STEADY_S = 10.0
_LOCK_WITHIN_S = 1.0
_PR_SET_PDEATHSIG = 1


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running home can be reached: what `run/up.json` says."""

    pid: int
    server: str
    gateway: str

    @classmethod
    def read(cls, home: Path) -> Whereabouts | None:
        """Return where the home's processes are, or None when nothing runs there."""
        try:
            found = msgspec.json.decode((home / "run" / "up.json").read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None
        return found if _holds_lock(home) else None


@dataclass(slots=True)
class Child:
    """One role's process.

    Attributes:
        command: What to run.
        fds: Sockets that it inherits; connections wait in them while it is being restarted.
    """

    role: str
    command: Sequence[str]
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    backoff_s: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Start the process in our session, so that it dies with us."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            self.command, pass_fds=self.fds, stdin=subprocess.DEVNULL
        )
        _log.info("role.started", role=self.role, pid=self.process.pid)

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process is not None and self.process.poll() is not None

    def next_backoff(self) -> float:
        """Return how long to wait before the next start: nothing after a steady life."""
        steady = time.monotonic() - self.started_at > _STEADY_S
        self.backoff_s = 0.0 if steady else min(_BACKOFF_MOST_S, self.backoff_s * 2 or 0.1)
        return self.backoff_s


class Supervisor:
    """Starts children, restarts those that die, ends all of them with itself.

    One supervisor per home: a lock file says so. A child that is killed is started again, at once if
    it had lived for ten seconds; its listening socket stays open here meanwhile, so callers wait
    instead of being refused.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._whereabouts = home / "run" / "up.json"
        self._stopping = False
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Take the home's lock.

        Raises:
            Conflict: Another supervisor runs this home.
        """
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._home / "run").mkdir(exist_ok=True)
        lock = os.open(self._home / "run" / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        # Whoever looks whether the home runs holds the lock for an instant: that is not a refusal.
        deadline = time.monotonic() + _LOCK_WITHIN_S
        while not _take(lock):
            found = Whereabouts.read(self._home)
            if found is None and time.monotonic() < deadline:
                time.sleep(_POLL_S)
                continue
            os.close(lock)
            raise Conflict(
                f"{self._home} is being run already"
                + (f" by process {found.pid} at {found.server}" if found else ""),
                remedy="Use that one, or stop it first.",
            )
        self._lock = lock
        self._whereabouts.unlink(missing_ok=True)  # of one that was killed
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what says that the home runs, and let the lock go."""
        self._whereabouts.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def announce(self, where: Whereabouts) -> None:
        """Write `run/up.json`, whole or not at all."""
        draft = self._whereabouts.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(where))
        draft.replace(self._whereabouts)

    def run(self, children: Sequence[Child]) -> None:
        """Start the children and watch over them until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for child in children:
            child.start()
        due: dict[str, float] = {}
        while not self._stopping:
            for child in children:
                self._revive(child, due)
            time.sleep(_POLL_S)
        _end(children)

    def _revive(self, child: Child, due: dict[str, float]) -> None:
        if not child.ended():
            return
        if child.role not in due:
            wait_s = child.next_backoff()
            due[child.role] = time.monotonic() + wait_s
            code = child.process.returncode if child.process else None
            _log.warning("role.ended", role=child.role, exit_code=code, restart_in_s=wait_s)
        if time.monotonic() >= due[child.role]:
            del due[child.role]
            child.start()

    def _stop(self, number: int, _: FrameType | None) -> None:
        _log.info("up.stopping", signal=signal.Signals(number).name)
        self._stopping = True


def _end(children: Sequence[Child]) -> None:
    """Ask every child to end, and kill the ones that don't within the grace period."""
    living = [child.process for child in children if child.process and not child.ended()]
    for process in living:
        process.terminate()
    deadline = time.monotonic() + _GRACE_S
    for process in living:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def role_command(role: str, options: Mapping[str, object]) -> list[str]:
    """Return the command line of a role: this interpreter, this program, these options."""
    command = [sys.executable, "-m", "towpath", role, "--child-of", str(os.getpid())]
    for name, value in options.items():
        if value is True:
            command.append(f"--{name}")
        elif value is not None and value is not False:
            command += [f"--{name}", str(value)]
    return command


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies (Linux `PR_SET_PDEATHSIG`).

    Raises:
        Unavailable: The parent is gone already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise Unavailable(f"the parent process {parent} is gone")


def _holds_lock(home: Path) -> bool:
    """Whether somebody holds the home's lock."""
    try:
        probe = os.open(home / "run" / "up.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(probe)
    finally:
        os.close(probe)


def _take(lock: int) -> bool:
    """Take a lock if it is free; it goes with the descriptor."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
