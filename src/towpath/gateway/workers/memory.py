"""How much memory this process has, had at most, and may have.

Linux keeps the most that was resident (`VmHWM`), and forgets it when told to (`5` into `clear_refs`, which
touches no page), so the peak of one piece of work can be told: https://man7.org/linux/man-pages/man5/proc.5.html.
"""

from __future__ import annotations

import ctypes
import gc
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from towpath.core.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Generator

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
_FORGET_PEAK: Final = b"5"
_GROWTH: Final = 2.0
"""Memory that opening a package takes for each of its bytes, until it has been seen: the file that is being
read and what is made of it are there at the same time."""


class Seen(NamedTuple):
    """What was seen of a process, in bytes."""

    resident: int
    peak: int


class Opened(NamedTuple):
    """What opening a model took, in bytes: what is left of it, and the most for a moment."""

    grown: int
    peak: int


class MemoryWatch:
    """Watches the memory of this process. Looks cost some microseconds; thread-safe.

    Args:
        soft_bytes: From here on the process should be replaced; 0: never.
        hard_bytes: Beyond this no model may take it; 0: any may.

    Attributes:
        opened: What the models that were opened took, by reference.
    """

    def __init__(self, *, soft_bytes: int = 0, hard_bytes: int = 0) -> None:
        self.soft_bytes = soft_bytes
        self.hard_bytes = hard_bytes
        self.opened: dict[str, Opened] = {}
        self._needs: dict[str, int] = {}
        self._most = 0

    def look(self) -> Seen:
        """Return what is resident now, and the most since the look before."""
        now = resident_bytes()
        seen = Seen(now, max(now, _peak_bytes()))
        self._most = max(self._most, seen.peak)
        _forget_peak()
        return seen

    @property
    def is_over_soft(self) -> bool:
        """Whether the process should be replaced."""
        return 0 < self.soft_bytes < resident_bytes()

    def status(self) -> dict[str, int | float]:
        """Return what people are told."""
        return {
            "resident_bytes": resident_bytes(),
            "resident_peak_bytes": max(self._most, _peak_bytes()),
            "cpu_s": round(time.process_time(), 2),
        }

    @contextmanager
    def opening(self, model: str, package: str, size_bytes: int) -> Generator[None]:
        """Measure what opening a model takes, and refuse one that does not fit.

        Args:
            model: Its reference.
            package: Its digest.
            size_bytes: The length of its files.

        Raises:
            Overloaded: It would take the process beyond the hard bound, or it did. What the block made
                must then be let go of.
        """
        before = resident_bytes()
        need = self._needs.get(package, int(_GROWTH * size_bytes))
        self._refuse(model, before + need, need)
        self.look()
        yield
        now = resident_bytes()
        peak = max(now, _peak_bytes())
        self._most = max(self._most, peak)
        self._needs[package] = max(0, peak - before)
        if 0 < self.hard_bytes < now:
            self._refuse(model, now, now - before)
        self.opened[model] = Opened(max(0, now - before), max(0, peak - before))

    def _refuse(self, model: str, total: int, need: int) -> None:
        if not 0 < self.hard_bytes < total:
            return
        raise Overloaded(
            f"{model} needs {need >> 20} MiB, and does not fit into this gateway's memory",
            remedy=f"Raise gateway_memory_hard_mb ({self.hard_bytes >> 20}), or serve a smaller model.",
            model=model,
            need_bytes=need,
            hard_bytes=self.hard_bytes,
        )


def resident_bytes() -> int:
    """Return what of this process is in memory."""
    return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES


def give_back() -> None:
    """Return freed memory to the kernel: the allocator keeps what small pieces leave behind."""
    gc.collect()
    with suppress(AttributeError, OSError):  # glibc has it, others need not
        ctypes.CDLL(None).malloc_trim(0)


def _peak_bytes() -> int:
    for line in _STATUS.read_bytes().splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def _forget_peak() -> None:
    # A kernel without it says the peak since the start of the process, which is true as well.
    with suppress(OSError):
        _CLEAR.write_bytes(_FORGET_PEAK)
