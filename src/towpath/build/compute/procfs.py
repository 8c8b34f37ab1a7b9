"""What the kernel says about processes: memory, threads, descendants. Linux only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def anonymous_bytes(pid: int) -> int:
    """Return the private memory that a process holds (`RssAnon`), mapped files left out; 0 if gone."""
    return _status_bytes(pid, "RssAnon")


def peak_bytes(pid: int) -> int:
    """Return the most memory resident at once (`VmHWM`) since start or `reset_peak`; 0 if gone."""
    return _status_bytes(pid, "VmHWM")


def resident_bytes(pid: int) -> int:
    """Return the resident memory (`VmRSS`); 0 if the process is gone."""
    return _status_bytes(pid, "VmRSS")


def reset_peak() -> None:
    """Start `VmHWM` of this process afresh, where the kernel lets us."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def started_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 if it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])


def with_descendants(pid: int) -> list[int]:
    """Return a process and everything it has started that is still its child, directly or not."""
    found = [pid]
    for one in found:
        for task in _listing(f"/proc/{one}/task"):
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{one}/task/{task}/children").read_text(encoding="ascii")
                found.extend(int(child) for child in text.split())
    return found


def threads_asleep() -> bool:
    """Tell whether every thread of this process but the calling one is parked in the kernel.

    Forking copies only the calling thread. Library threads that wait for work hold no locks; one that
    runs might, and its lock would stay taken in the child for ever.
    """
    own = str(threading.get_native_id())
    for task in _listing("/proc/self/task"):
        if task == own:
            continue
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/self/task/{task}/stat").read_text(encoding="ascii")
            if stat.rpartition(")")[2].split()[0] != "S":
                return False
    return True


def thread_names() -> list[str]:
    """Return the names of this process's threads, sorted, the calling one included."""
    names: list[str] = []
    for task in _listing("/proc/self/task"):
        with contextlib.suppress(OSError):
            comm = Path(f"/proc/self/task/{task}/comm").read_text(encoding="utf-8")
            names.append(comm.strip())
    return sorted(names)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, and exit if it has already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _status_bytes(pid: int, field: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def _listing(path: str) -> list[str]:
    try:
        return [entry.name for entry in Path(path).iterdir()]
    except OSError:
        return []
