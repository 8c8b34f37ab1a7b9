"""What each stage of the demo took: seconds on the wall, and of processor in the whole tree."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Adds up what stages cost; a stage entered again goes on adding."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self._begin = time.perf_counter()

    @property
    def total_s(self) -> float:
        """Wall time since the watch was made."""
        return time.perf_counter() - self._begin

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Charge what happens in the block to `name`."""
        wall, cpu = time.perf_counter(), tree_cpu_s(os.getpid())
        try:
            yield
        finally:
            spent = max(0.0, tree_cpu_s(os.getpid()) - cpu)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - wall
            self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + spent

    def to_json(self) -> dict[str, dict[str, float]]:
        """Return the figures by stage, rounded to milliseconds."""
        return {
            name: {
                "seconds": round(self.seconds[name], 3),
                "cpu_seconds": round(self.cpu_seconds[name], 3),
            }
            for name in self.seconds
        }


def tree_cpu_s(pid: int) -> float:
    """Return the processor seconds of a process, its living descendants and its reaped children.

    Read from Linux's `/proc` (proc(5): `PID/stat`, fields 14 to 17, and `PID/task/TID/children`);
    elsewhere only this process counts. Threads and processes that end meanwhile are passed over.
    """
    if not Path("/proc/self/stat").exists():
        return time.process_time() if pid == os.getpid() else 0.0
    return _own_cpu_s(pid) + sum(tree_cpu_s(child) for child in _children(pid))


def _children(pid: int) -> set[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return set()
    found: set[int] = set()
    for thread in threads:
        with suppress(OSError):
            found.update(int(child) for child in (thread / "children").read_text().split())
    return found


def _own_cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S
