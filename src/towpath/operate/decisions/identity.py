"""Decision ids: UUIDv7 that rise strictly within a process, made in about a microsecond."""

from __future__ import annotations

import os
import random
import time
from threading import Lock

_VARIANT = 0x2 << 62
_COUNTER_BITS = 12
_COUNTS = [f"{count:03x}" for count in range(1 << _COUNTER_BITS)]


class DecisionIds:
    """Makes ids that sort in the order they were made (RFC 9562, section 6.2, method 1).

    The 12 bits after the millisecond count ids made within it and 62 bits are random. When the counter
    runs over, or the machine's clock steps back, the millisecond runs ahead of the clock instead of
    repeating. Thread-safe.
    """

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(32))  # noqa: S311 - ids are unique, not secret
        self._begin(0)
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
                self._begin(now_ms)
            for _ in range(count):
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._begin(self._last_ms + 1)
                    self._counter = 0
                tail = (self._random.getrandbits(62) | _VARIANT).to_bytes(8).hex()
                ids.append(f"{self._head}{_COUNTS[self._counter]}-{tail[:4]}-{tail[4:]}")
        return ids

    def _begin(self, ms: int) -> None:
        """Count from nought in another millisecond, which is written the same for all of its ids."""
        self._last_ms, self._counter = ms, -1
        self._head = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7"
