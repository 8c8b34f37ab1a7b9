"""Who is at work, told so that others can see whether they still live."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


@cache
def _machine() -> str:
    """Name this machine, since its last start, and the namespace that process ids count in."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    host = socket.gethostname().replace(".", "-").replace("/", "-")
    return f"{host}.{boot[:8]}.{space}"


def _started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty if it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def this_owner() -> str:
    """Return `host.boot.namespace.pid.start`: this process and no other, ever. Safe as a file name."""
    return f"{_machine()}.{os.getpid()}.{_started(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Tell whether an owner certainly lives no more. False for processes of other machines.

    What follows a slash names one of several things that the same process owns.
    """
    machine, _, rest = owner.partition("/")[0].rpartition(".")[0].rpartition(".")
    started = owner.partition("/")[0].rpartition(".")[2]
    return machine == _machine() and rest.isdecimal() and _started(int(rest)) != started
