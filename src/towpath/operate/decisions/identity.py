"""Decision ids: UUIDv7 that rise strictly within a process, made in about a microsecond."""

from __future__ import annotations

import os
import random
import time
from threading import Lock

_VARIANT = 0x2 << 62
_COUNTER_BITS = 12
_LOW = (1 << 48) - 1


class DecisionIds:
    """Makes ids that sort in the order they were made (RFC 9562, section 6.2, method 1).

    The 12 bits after the millisecond count ids made within it and 62 bits are random. When the counter
    runs over, or the machine's clock steps back, the millisecond runs ahead of the clock instead of
    repeating. Thread-safe.
    """

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(32))  # noqa: S311 - ids are unique, not secret
        self._last_ms = 0
        self._counter = -1
        self._lock = Lock()

    def next(self) -> str:
        """Return a fresh id in its dashed form."""
        return self.take(1)[0]

    def take(self, count: int) -> list[str]:
        """Return fresh ids, in their order."""
        ids: list[str] = []
        now_ms = time.time_ns() // 1_000_000
        with self._lock:
            if now_ms > self._last_ms:
                self._last_ms, self._counter = now_ms, -1
            for _ in range(count):
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._last_ms, self._counter = self._last_ms + 1, 0
                value = self._random.getrandbits(62) | _VARIANT
                ids.append(
                    f"{self._last_ms >> 16:08x}-{self._last_ms & 0xFFFF:04x}"
                    f"-7{self._counter:03x}-{value >> 48:04x}-{value & _LOW:012x}"
                )
        return ids
