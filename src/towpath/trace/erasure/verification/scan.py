"""Reads every stored byte of a home again, to prove that a value is nowhere in it."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from towpath.trace.erasure.contract import Residue, ScanReport
from towpath.trace.erasure.verification.formats import Finding, search_bytes, search_sqlite
from towpath.trace.erasure.verification.needle import Needle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from towpath.storage.blobs.contract import BlobStore

_SQLITE_MAGIC = b"SQLite format 3\x00"
_READERS = 4  # decoding releases the interpreter; more would only queue for the disk


class TableReader(Protocol):
    """A database server's tables, for homes whose database is not a file below them."""

    def tables(self) -> Iterable[tuple[str, Iterable[Sequence[object]]]]:
        """Yield each table's name and its rows, in one snapshot."""
        ...


@dataclass(frozen=True, slots=True)
class _Searched:
    place: str
    size_bytes: int
    finding: Finding


class HomeScanner:
    """Searches everything a home holds. Thread-safe.

    Args:
        home: The folder; every file below it is read, whatever it is.
        blobs: A blob store that is *not* below the home (S3); its blobs are read as well.
        database: A database that is not a file below the home (PostgreSQL).
    """

    def __init__(
        self, home: Path, *, blobs: BlobStore | None = None, database: TableReader | None = None
    ) -> None:
        self._home = home
        self._blobs = blobs
        self._database = database

    def scan(self, value: str) -> ScanReport:
        """Search for `value`, as a whole word, in every file, blob and table.

        Each known format is decoded and its cells compared; raw bytes are searched besides. Files
        that vanish while the scan runs (a compaction retired them) are no residue. Neither the value
        nor what surrounds it is in the report.
        """
        started = time.monotonic()
        needle = Needle(value)
        formats: Counter[str] = Counter()
        residue: list[Residue] = []
        size_bytes = ambiguous = 0
        with ThreadPoolExecutor(_READERS, "scan") as pool:
            files = pool.map(partial(self._search_file, needle), self._files())
            for found in chain(files, self._search_blobs(needle), self._search_tables(needle)):
                if found is None:
                    continue
                formats[found.finding.format] += 1
                size_bytes += found.size_bytes
                ambiguous += found.finding.ambiguous
                for where, count in sorted(found.finding.counts.items()):
                    what = f"{found.finding.format}: {where}"
                    residue.append(Residue(place=found.place, where=what, count=count))
        return ScanReport(
            places=sum(formats.values()),
            size_bytes=size_bytes,
            formats=dict(sorted(formats.items())),
            residue=tuple(residue),
            ambiguous=ambiguous,
            seconds=round(time.monotonic() - started, 3),
        )

    def _files(self) -> Iterator[Path]:
        return (path for path in sorted(self._home.rglob("*")) if path.is_file())

    def _search_file(self, needle: Needle, path: Path) -> _Searched | None:
        name = str(path.relative_to(self._home))
        try:
            finding = _search_path(needle, path)
            size_bytes = path.stat().st_size
        except FileNotFoundError:
            return None
        if needle.count_text(name).whole:
            # A report that names the place must not repeat the value.
            name = name.replace(needle.value, "…")
            finding = Finding(finding.format, {**finding.counts, "its name": 1}, finding.ambiguous)
        return _Searched(name, size_bytes, finding)

    def _search_blobs(self, needle: Needle) -> Iterator[_Searched]:
        for digest in () if self._blobs is None else self._blobs.walk():
            data = self._blobs.get(digest) if self._blobs is not None else b""
            yield _Searched(f"blob:{digest}", len(data), search_bytes(needle, data))

    def _search_tables(self, needle: Needle) -> Iterator[_Searched]:
        for name, rows in () if self._database is None else self._database.tables():
            whole = size_bytes = part = 0
            for cell in chain.from_iterable(rows):
                data = cell if isinstance(cell, bytes) else str(cell).encode()
                finding = search_bytes(needle, data)
                whole += sum(finding.counts.values())
                part += finding.ambiguous
                size_bytes += len(data)
            counts = {"cells": whole} if whole else {}
            yield _Searched(f"database:{name}", size_bytes, Finding("table", counts, part))


def _search_path(needle: Needle, path: Path) -> Finding:
    with path.open("rb") as file:
        head = file.read(len(_SQLITE_MAGIC))
    if head == _SQLITE_MAGIC:
        with suppress(sqlite3.DatabaseError):
            return search_sqlite(needle, path)
    return search_bytes(needle, path.read_bytes())
