"""Decision ids: UUIDv7 that rise strictly within a process, made in about a microsecond."""

from __future__ import annotations

import os
import random
import time
from threading import Lock

_VARIANT = 0x2 << 62
_COUNTS_MOST = 1 << 12
_COUNTS = [f"{count:03x}" for count in range(_COUNTS_MOST)]


class DecisionIds:
    """Makes ids that sort in the order they were made (RFC 9562, section 6.2, method 1).

    The 12 bits after the millisecond count ids made within it, and 62 bits are random, which tells ids of
    different processes apart. When the counter runs over, or the machine's clock steps back, the
    millisecond runs ahead of the clock instead of repeating. Thread-safe.
    """

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(32))  # noqa: S311 - ids are unique, not secret
        self._begin(0)
        self._lock = Lock()

    def next(self) -> str:
        """Return a fresh id in its dashed form."""
        return self.take(1)[0]

    def take(self, count: int) -> list[str]:
        """Return fresh ids, in their order. They share one random part: the count tells them apart."""
        ids: list[str] = []
        now_ms = time.time_ns() // 1_000_000
        with self._lock:
            if now_ms > self._last_ms:
                self._begin(now_ms)
            tail = (self._random.getrandbits(62) | _VARIANT).to_bytes(8).hex()
            tail = f"-{tail[:4]}-{tail[4:]}"
            while count:
                if self._count == _COUNTS_MOST:
                    self._begin(self._last_ms + 1)
                begin, end = self._count, min(self._count + count, _COUNTS_MOST)
                head = self._head
                ids += [f"{head}{counted}{tail}" for counted in _COUNTS[begin:end]]
                count -= end - begin
                self._count = end
        return ids

    def _begin(self, ms: int) -> None:
        """Count from nought in another millisecond, which is written the same for all of its ids."""
        self._last_ms, self._count = ms, 0
        self._head = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7"
