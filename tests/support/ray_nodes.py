"""A real Ray cluster on this machine, node by node, for tests that join one and for those that kill one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil
import pytest

from towpath.build.compute.ray import RayOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMBER = "RAY_NODES_NUMBER"
"""Variable that tells whatever runs on a node which one it is."""
_WITHIN_S = 90
_TAIL_BYTES = 2_000
_OBJECT_STORE_BYTES = 80 << 20
_START = (
    "import sys; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; sys.exit(main())",
    "start",
    "--block",
    "--disable-usage-stats",
    # The system picks the ports of workers: nodes of one machine, and of two clusters, must not pick the same.
    "--min-worker-port=0",
    "--max-worker-port=0",
    f"--object-store-memory={_OBJECT_STORE_BYTES}",
)


class RayNodes:
    """Nodes that all run here, and end with this object. Each is what a machine would be.

    Args:
        token: What the cluster asks for; None: it asks for nothing.

    Attributes:
        living: All that were made and not closed, whose logs a failed test shows.
    """

    living: ClassVar[list[RayNodes]] = []

    def __init__(self, *, token: bool = True) -> None:
        # Sockets lie in it, and a socket's path ends at 107 bytes: pytest's folders are too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="ray-nodes-"))
        self.token_file = self.folder / "token"
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(secrets.token_hex(32), encoding="ascii")
        # Five refused checks are a dead node: after 5 s, where Ray's default has it take 15.
        self.environment = {"RAY_AUTH_MODE": "disabled", "RAY_health_check_period_ms": "1000"}
        if token:
            self.environment |= {
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN_PATH": str(self.token_file),
            }
        self.address = ""
        self._nodes: list[subprocess.Popen[bytes]] = []
        self.living.append(self)

    def start(self, cpus: int, **options: str) -> int:
        """Start a node, the first one as head, and return its number."""
        number = len(self._nodes)
        command = [sys.executable, "-c", *_START, f"--num-cpus={cpus}"]
        if number == 0:
            command += ["--head", "--port=0", f"--temp-dir={self.folder}", "--include-dashboard=0"]
        else:
            command += [f"--address={self.address}"]
        command += [f"--{name}={value}" for name, value in options.items()]
        with (self.folder / f"node-{number}.log").open("wb") as log:
            self._nodes.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **self.environment, NUMBER: str(number)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        self._await(number)
        return number

    def options(self) -> RayOptions:
        """Return how to join."""
        return RayOptions(address=self.address, token_file=self.token_file)

    def settings(self) -> dict[str, str]:
        """Return the variables that have the program run its steps here."""
        return {
            "TOWPATH_COMPUTE": "ray",
            "TOWPATH_RAY_ADDRESS": self.address,
            "TOWPATH_RAY_TOKEN_FILE": str(self.token_file),
        }

    def kill(self, number: int) -> None:
        """End a node the way a power cut does: all of its processes at once."""
        process = self._nodes[number]
        with contextlib.suppress(psutil.NoSuchProcess):
            node = psutil.Process(process.pid)
            for one in [node, *node.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)
        process.wait(_WITHIN_S)

    def until(self, condition: Callable[[], bool], what: str, *, within_s: float = 180) -> None:
        """Wait until something holds.

        Raises:
            AssertionError: It did not within the time; says what, and what the nodes said last.
        """
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:g} s: {what}\n{self.said()}")
            time.sleep(0.02)

    def said(self) -> str:
        """Return the ends of what the nodes and Ray's own processes on them have written."""
        logs = [
            *sorted(self.folder.glob("node-*.log")),
            *sorted(self.folder.glob("session_latest/logs/raylet*")),
            *sorted(self.folder.glob("session_latest/logs/gcs_server*")),
        ]
        told = ((log.name, _end_of(log)) for log in logs)
        return "\n".join(f"-- {name}\n{text}" for name, text in told if text.strip())

    def close(self) -> None:
        """Kill every node."""
        for number in range(len(self._nodes)):
            self.kill(number)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self in self.living:
            self.living.remove(self)

    def _await(self, number: int) -> None:
        log = self.folder / f"node-{number}.log"
        deadline = time.monotonic() + _WITHIN_S
        while time.monotonic() < deadline and self._nodes[number].poll() is None:
            current = self.folder / "ray_current_cluster"
            if "Ray runtime started" in log.read_text(errors="replace") and current.exists():
                self.address = current.read_text(encoding="ascii").strip()
                if self.address:  # the file is there a moment before what it says
                    return
            time.sleep(0.05)
        said = self.said()
        self.close()
        raise OSError(f"node {number} did not start: {said}")


@contextlib.contextmanager
def ray_nodes_of(*cpus: int, token: bool = True) -> Iterator[RayNodes]:
    """Start a cluster with a node for each number of cpus, the first one its head, and end it."""
    nodes = RayNodes(token=token)
    try:
        for each in cpus:
            nodes.start(each)
    except OSError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Ray can't be started: {error}")
    try:
        yield nodes
    finally:
        nodes.close()


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace")
