"""Who the workers of a gateway are, how far each is, and how many connections it holds: shared memory.

Each worker writes its own row, and the parent writes a row before its worker is there and after it is gone;
so no row has two writers at a time, and nobody locks.
"""

from __future__ import annotations

import mmap
import time
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from towpath.gateway.counters import CounterPages
from towpath.gateway.metrics import GatewayMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH: Final = 5
_STATE, _CONNECTIONS, _BEAT_MS, _WANTS_OUT, _REPLACES = range(_WIDTH)
_LATE_MS: Final = 2000


class Stage(IntEnum):
    """How far a worker is."""

    ABSENT = 0
    STARTING = 1
    READY = 2
    LEAVING = 3


class Roster:
    """The rows of all workers, and the pages they count on.

    A gateway of `count` workers has twice as many rows: a worker's replacement begins before it ends.

    Args:
        count: Workers that serve at a time.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.pages = CounterPages(2 * count)
        self._rows = memoryview(mmap.mmap(-1, 2 * count * _WIDTH * 8)).cast("q")

    def seats(self) -> Iterator[Seat]:
        """Yield every row."""
        return (Seat(self, number) for number in range(self.pages.count))

    def read(self, number: int, column: int) -> int:
        """Return a cell."""
        return self._rows[number * _WIDTH + column]

    def write(self, number: int, column: int, value: int) -> None:
        """Set a cell."""
        self._rows[number * _WIDTH + column] = value

    def fewest(self) -> int | None:
        """Return the fewest connections that any worker holds which is ready, and alive of late."""
        now_ms = _now_ms()
        held = [
            self.read(number, _CONNECTIONS)
            for number in range(self.pages.count)
            if self.read(number, _STATE) == Stage.READY
            and now_ms - self.read(number, _BEAT_MS) < _LATE_MS
        ]
        return min(held, default=None)

    def is_served(self) -> bool:
        """Tell whether any worker is ready, be its loop stuck for the moment or not."""
        return any(self.read(number, _STATE) == Stage.READY for number in range(self.pages.count))


class Seat:
    """One worker's row."""

    def __init__(self, roster: Roster, number: int) -> None:
        self.roster = roster
        self.number = number

    @property
    def stage(self) -> Stage:
        """How far the worker is."""
        return Stage(self.roster.read(self.number, _STATE))

    @stage.setter
    def stage(self, stage: Stage) -> None:
        self.roster.write(self.number, _STATE, stage)
        self.beat()

    @property
    def wants_out(self) -> bool:
        """Whether the worker asks to be replaced."""
        return bool(self.roster.read(self.number, _WANTS_OUT))

    def ask_out(self) -> None:
        """Ask the parent for a replacement; it ends this worker when that is ready."""
        self.roster.write(self.number, _WANTS_OUT, 1)

    def beat(self) -> None:
        """Say that the worker's event loop turns."""
        self.roster.write(self.number, _BEAT_MS, _now_ms())

    def hold(self, connections: int) -> None:
        """Say how many connections the worker holds."""
        self.roster.write(self.number, _CONNECTIONS, connections)

    @property
    def replaces(self) -> bool:
        """Whether another worker ends when this one is ready: then it must be able to do as much."""
        return bool(self.roster.read(self.number, _REPLACES))

    def take(self, *, replaces: bool = False) -> None:
        """Begin the row of a worker that is about to start."""
        self.clear()
        self.roster.write(self.number, _REPLACES, replaces)
        self.stage = Stage.STARTING

    def clear(self) -> None:
        """End the row of a worker that is gone; what it counted stays."""
        for column in range(_WIDTH):
            self.roster.write(self.number, column, 0)
        self.metrics()

    def metrics(self) -> GatewayMetrics:
        """Open the worker's counts, without the gauges of whoever had them before."""
        return GatewayMetrics(self.roster.pages, self.number)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
