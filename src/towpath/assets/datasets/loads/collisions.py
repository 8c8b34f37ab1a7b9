"""Finds keys that occur more than once among more rows than memory holds.

Keys are hashed to 64 bits and spilled, spread by range of the hash over files that fit in memory one at
a time: eight bytes of disk and some 16 of memory per key of one range (a partitioned hash duplicate
elimination: Shapiro, "Join processing in database systems with large main memories", TODS 1986). What
meets there is only suspected; rows that are suspected are spilled again with 128 bits of their key,
64 of the whole row, and their place, and those decide.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    Hashes: TypeAlias = NDArray[np.uint64]
    Records: TypeAlias = NDArray[Any]

_ROWS_PER_RANGE = 2_000_000
_RANGES_MOST = 256
_BITS_LEAST, _BITS_MOST = 20, 30
PLACE = np.dtype(
    [
        ("key", np.uint64),
        ("key2", np.uint64),
        ("row", np.uint64),
        ("part", np.int64),
        ("place", np.int64),
    ]
)


@dataclass(frozen=True, slots=True)
class Seeds:
    """Seeds of one search. Drawn anew for each, so that nobody can prepare rows that collide."""

    key: int = field(default_factory=lambda: secrets.randbits(63))
    key2: int = field(default_factory=lambda: secrets.randbits(63))
    row: int = field(default_factory=lambda: secrets.randbits(63))


def hash_rows(rows: pl.DataFrame, columns: Sequence[str], seed: int) -> Hashes:
    """Return a 64-bit hash per row of some columns; equal rows hash equally, nulls included."""
    return rows.select(columns).hash_rows(seed=seed).to_numpy()


class Ranges:
    """Records that begin with a hash, spread over temporary files by range of the hash.

    Args:
        folder: Where the files go; whoever made the folder removes it.
        name: Of the files.
        dtype: Of the records: unsigned 64-bit hashes, or structures whose first field is one.
        rows: About how many records will come.
    """

    def __init__(self, folder: Path, name: str, dtype: np.dtype[Any], *, rows: int) -> None:
        count = max(1, min(_RANGES_MOST, -(-rows // _ROWS_PER_RANGE)))
        self._paths = [folder / f"{name}-{place}" for place in range(count)]
        self._dtype = dtype
        self._bounds = np.array(
            [(place << 64) // count for place in range(1, count)], dtype=np.uint64
        )
        with disk_errors(folder):
            self._files = [path.open("wb") for path in self._paths]

    def add(self, records: Records) -> None:
        """Spill records."""
        hashes = records if records.dtype.names is None else records[records.dtype.names[0]]
        if self._bounds.size:
            order = np.argsort(hashes)
            records = records[order]
            cuts = np.searchsorted(hashes[order], self._bounds)
            parts = np.split(records, cuts)
        else:
            parts = [records]
        with disk_errors(self._paths[0].parent):
            for file, part in zip(self._files, parts, strict=True):
                part.tofile(file)

    def read(self) -> Iterator[Records]:
        """Yield each range's records, and let go of them."""
        for file, path in zip(self._files, self._paths, strict=True):
            with disk_errors(path):
                file.close()
                records = np.fromfile(path, dtype=self._dtype)
                path.unlink()
            yield records

    def close(self) -> None:
        """Close what is still open. Idempotent."""
        for file in self._files:
            file.close()


class Suspects:
    """Hashes that occurred more than once, as bits: it may suspect too many, never too few."""

    def __init__(self, repeated: Sequence[Hashes]) -> None:
        self.count = sum(hashes.size for hashes in repeated)
        wanted = int(16 * max(self.count, 1)).bit_length()
        self._shift = np.uint64(64 - max(_BITS_LEAST, min(_BITS_MOST, wanted)))
        self._bits = np.zeros((1 << (64 - int(self._shift))) // 8, dtype=np.uint8)
        for hashes in repeated:
            byte, bit = self._places(hashes)
            np.bitwise_or.at(self._bits, byte, bit)

    def among(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Tell for each hash whether it is suspected."""
        byte, bit = self._places(hashes)
        return (self._bits[byte] & bit) != 0

    def _places(self, hashes: Hashes) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
        places = hashes >> self._shift
        byte = (places >> np.uint64(3)).astype(np.intp)
        return byte, (np.uint8(1) << (places & np.uint64(7)).astype(np.uint8)).astype(np.uint8)


def suspects(ranges: Ranges) -> Suspects:
    """Return the hashes that were spilled more than once."""
    return Suspects([_repeated(hashes) for hashes in ranges.read()])


def _repeated(hashes: Hashes) -> Hashes:
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of the rows of one range whose keys meet.

    Attributes:
        dropped: Records of the rows that another row stands for.
        clashing: Records of rows whose key another row has with other values.
    """

    dropped: Records
    clashing: Records


def judge(records: Records, *, last_wins: bool) -> Verdict:
    """Decide about the suspected rows of one range.

    Of rows that share a key, the one with the lowest `part`, then `place`, stays, and equal ones are
    dropped; others clash with it. With `last_wins` the highest stays and every other one is dropped.
    """
    ordered = records[np.lexsort([records[name] for name in ("place", "part", "key2", "key")])]
    first = np.ones(ordered.size, dtype=bool)
    first[1:] = (ordered["key"][1:] != ordered["key"][:-1]) | (
        ordered["key2"][1:] != ordered["key2"][:-1]
    )
    if last_wins:
        last = np.ones(ordered.size, dtype=bool)
        last[:-1] = first[1:]
        return Verdict(dropped=ordered[~last], clashing=ordered[:0])
    begins = np.maximum.accumulate(np.where(first, np.arange(ordered.size), 0))
    equal = ordered["row"] == ordered["row"][begins]
    return Verdict(dropped=ordered[~first & equal], clashing=ordered[~first & ~equal])
