"""Decision ids: UUIDv7 that rise strictly within a process, made in about a microsecond."""

from __future__ import annotations

import os
import random
import time
from threading import Lock

_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_COUNTER_BITS = 12


class DecisionIds:
    """Makes ids that sort in the order they were made (RFC 9562, section 6.2, method 1).

    The 12 bits after the millisecond count ids made within it and 62 bits are random. When the counter
    runs over, or the machine's clock steps back, the millisecond runs ahead of the clock instead of
    repeating. Thread-safe.
    """

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(32))  # noqa: S311 - ids are unique, not secret
        self._last_ms = 0
        self._counter = 0
        self._lock = Lock()

    def next(self) -> str:
        """Return a fresh id in its dashed form."""
        now_ms = time.time_ns() // 1_000_000
        with self._lock:
            if now_ms > self._last_ms:
                self._last_ms, self._counter = now_ms, 0
            else:
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._last_ms, self._counter = self._last_ms + 1, 0
            high = self._last_ms << 80 | _VERSION | self._counter << 64
            value = high | _VARIANT | self._random.getrandbits(62)
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
