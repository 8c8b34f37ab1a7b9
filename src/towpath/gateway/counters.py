"""Numbers that one process writes and every process of a gateway reads: pages of shared memory.

A worker counts straight into its page, so a count survives the worker that made it, and a scrape of any worker
sees the counts of all as they are. Nothing is ever taken out of a page: what is summed over pages never falls,
which Prometheus would take for a restart. The layout is that of prometheus_client's multi-process mode, with a
row of numbers per key: used bytes (u64), then for each key its length and count of numbers (u32 each), the
numbers (f64), and the key (UTF-8, padded to 8 bytes).
"""

from __future__ import annotations

import math
import mmap
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_BYTES: Final = 1 << 20
"""Address space; memory is taken only for what is written."""

_USED: Final = struct.Struct("=Q")
_HEAD: Final = struct.Struct("=II")
_WIDTH: Final = 8


class CounterPages:
    """The pages of one gateway. Made before its workers are forked, which share them from then on."""

    def __init__(self, count: int) -> None:
        self._memory = mmap.mmap(-1, count * PAGE_BYTES)
        self._view = memoryview(self._memory)
        self.count = count

    def page(self, number: int) -> CounterPage:
        """Return a page. One process at a time may write to it; any number may read."""
        return CounterPage(self._view[number * PAGE_BYTES : (number + 1) * PAGE_BYTES])

    def __iter__(self) -> Iterator[CounterPage]:
        """Yield every page."""
        return (self.page(number) for number in range(self.count))


class CounterPage:
    """One writer's numbers.

    Attributes:
        values: All numbers of the page; `row` says where a key's begin.
    """

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self.values = memory.cast("d")
        self._rows = {key: at for key, at, _ in self._entries()}

    def row(self, key: str, width: int) -> int:
        """Return where a key's numbers begin in `values`; a new key begins with noughts.

        When the page is full, every further key shares its last row, which nobody reads: a gateway
        counts services and models, not callers, so that takes thousands of them.
        """
        found = self._rows.get(key)
        if found is not None:
            return found
        text = key.encode()
        used = self._used()
        size = _HEAD.size + _WIDTH * width + _padded(len(text))
        if used + size > PAGE_BYTES - _WIDTH * 64:
            return PAGE_BYTES // _WIDTH - 64
        begin = used + _HEAD.size
        _HEAD.pack_into(self._memory, used, len(text), width)
        after = begin + _WIDTH * width
        self._memory[after : after + len(text)] = text
        _USED.pack_into(self._memory, 0, used + size)  # last: a reader never sees half a key
        self._rows[key] = begin // _WIDTH
        return self._rows[key]

    def read(self) -> dict[str, list[float]]:
        """Return all numbers by key, as they are now."""
        return {
            key: [self.values[index] for index in range(at, at + width)]
            for key, at, width in self._entries()
        }

    def void(self, prefix: str) -> None:
        """Set the numbers of all keys that begin so to NaN: they say nothing any more."""
        for key, at, width in self._entries():
            if key.startswith(prefix):
                for index in range(at, at + width):
                    self.values[index] = math.nan

    def _entries(self) -> Iterator[tuple[str, int, int]]:
        """Yield each key, where its numbers begin, and how many they are."""
        at, used = _USED.size, self._used()
        while at < used:
            length, width = _HEAD.unpack_from(self._memory, at)
            begin = at + _HEAD.size
            text = begin + _WIDTH * width
            yield bytes(self._memory[text : text + length]).decode(), begin // _WIDTH, width
            at = text + _padded(length)

    def _used(self) -> int:
        return max(_USED.size, _USED.unpack_from(self._memory, 0)[0])


def _padded(length: int) -> int:
    return -(-length // _WIDTH) * _WIDTH
