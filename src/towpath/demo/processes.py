"""The demo's `towpath up`: a real one, started as a user would, ended with the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from towpath.app.supervising import Whereabouts, role_command
from towpath.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_START_WITHIN_S = 60.0
_STOP_WITHIN_S = 20.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Server:
    """The program as the demo runs it: where it answers, and whether it still does."""

    where: Whereabouts
    process: subprocess.Popen[bytes]

    def is_alive(self) -> bool:
        """Whether the process tree's root still runs."""
        return self.process.poll() is None


@contextmanager
def running(home: Path, project: Path) -> Generator[Server]:
    """Run `towpath up` on free loopback ports for as long as the block lasts.

    Raises:
        Unavailable: It ended, or its server did not answer in time.
    """
    log = home / "run" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    ports = {"server-port": 0, "gateway-port": 0}
    command = role_command("up", {"home": home, "directory": project, "replay": True, **ports})
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment()
        )
    try:
        yield Server(_await(process, home), process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    """Return ours without settings of other homes: the demo has one of its own."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOWPATH_") or name.startswith("TOWPATH_LOG_")
    }


def _await(process: subprocess.Popen[bytes], home: Path) -> Whereabouts:
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(
                f"towpath up ended with exit code {process.returncode}",
                remedy=f"Its last words are in {home / 'run' / 'up.log'}.",
            )
        where = Whereabouts.read(home)
        if where is not None and where.pid == process.pid and _answers(where.server):
            return where
        time.sleep(_POLL_S)
    raise Unavailable(
        f"towpath up did not answer within {_START_WITHIN_S:.0f} seconds",
        remedy=f"Its last words are in {home / 'run' / 'up.log'}.",
    )


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v1/health", timeout=2).is_success
    except httpx.TransportError:
        return False
