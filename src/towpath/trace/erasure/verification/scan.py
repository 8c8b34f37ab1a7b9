"""Reads every stored byte of a home again, to prove that a value is nowhere in it."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

from towpath.core.errors import NotFound
from towpath.trace.erasure.contract import Residue, ScanReport
from towpath.trace.erasure.verification.formats import Finding, search_bytes, search_sqlite
from towpath.trace.erasure.verification.large import LARGE_BYTES, search_large
from towpath.trace.erasure.verification.needle import Count, Needle, Search
from towpath.trace.erasure.verification.sieve import Sieve, Values
from towpath.trace.erasure.verification.streaming import count_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from towpath.storage.blobs.contract import BlobStore

_SQLITE_MAGIC = b"SQLite format 3\x00"
_LMDB_MAGIC, _LMDB_PLACE = (0xBEEFC0DE).to_bytes(4, "little"), 16
_HEAD_BYTES = 32
_CELLS_AT_ONCE = 1_000
_READERS = 4  # decoding releases the interpreter; more would only queue for the disk


class TableReader(Protocol):
    """A database server's tables, for homes whose database is not a file below them."""

    def tables(self) -> Iterable[tuple[str, Iterable[Sequence[object]]]]:
        """Yield each table's name and its rows, in one snapshot."""
        ...


class PackedRows(Protocol):
    """Rows of a store in which texts lie side by side, and how to tell them apart.

    Where its files lie below the home, they are read as files besides.
    """

    def rows(self) -> Iterable[tuple[str, tuple[bytes, bytes]]]:
        """Yield every row that is stored, with its table."""
        ...

    def cells(self, table: str, row: tuple[bytes, bytes]) -> Sequence[str | bytes]:
        """Return the texts of a row, each by itself, and as bytes what can't be told apart."""
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
        areas: The areas of that store.
        database: A database that is not a file below the home (PostgreSQL).
        online: The online store, wherever it is.
    """

    def __init__(
        self,
        home: Path,
        *,
        blobs: BlobStore | None = None,
        areas: Sequence[str] = (),
        database: TableReader | None = None,
        online: PackedRows | None = None,
    ) -> None:
        self._home = home
        self._blobs = (
            {} if blobs is None else {"": blobs, **{one: blobs.area(one) for one in areas}}
        )
        self._database = database
        self._online = online

    def scan(self, *values: str) -> ScanReport:
        """Search for `values`, as whole words, in every file, blob, table and online row.

        One value is looked for by itself. Several are sieved first, all in one pass; a value that the
        sieve says a place may hold is looked for there by itself.

        Each known format is decoded and its cells compared; raw bytes are searched besides. Memory
        stays constant in the size of a file. Files that vanish while the scan runs (a compaction
        retired them) are no residue. Neither a value nor what surrounds it is in the report.
        """
        started = time.monotonic()
        needles = Values.of(values)
        formats: Counter[str] = Counter()
        residue: list[Residue] = []
        size_bytes = ambiguous = 0
        online = list(self._search_online(needles))
        # A value that online rows hold within longer ones may lie so in their files.
        longer = any(one.finding.ambiguous for one in online)
        with ThreadPoolExecutor(_READERS, "scan") as pool:
            files = pool.map(partial(self._search_file, needles, longer=longer), self._files())
            blobs = self._search_blobs(needles)
            for found in chain(files, blobs, self._search_tables(needles), online):
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

    def _search_file(self, values: Values, path: Path, *, longer: bool) -> _Searched | None:
        name = str(path.relative_to(self._home))
        try:
            finding = search_all(values, lambda one: search_path(one, path, longer=longer))
            size_bytes = path.stat().st_size
        except FileNotFoundError:
            return None
        named = [one for one in values.suspects(name) if values.needles[one].count_text(name).whole]
        if named:
            # A report that names the place must not repeat the value.
            for value in named:
                name = name.replace(value, "…")
            finding = Finding(finding.format, {**finding.counts, "its name": 1}, finding.ambiguous)
        return _Searched(name, size_bytes, finding)

    def _search_blobs(self, values: Values) -> Iterator[_Searched]:
        for area, blobs in self._blobs.items():
            prefix = f"blob:{area}/" if area else "blob:"
            for digest in blobs.walk():
                try:
                    size_bytes = blobs.size_bytes(digest)
                    if size_bytes > LARGE_BYTES:
                        with blobs.open_local(digest) as path:
                            finding = search_all(values, partial(search_path, path=path))
                    else:
                        data = blobs.get(digest)
                        finding = search_all(values, partial(search_bytes, data=data))
                except NotFound:  # gone since it was listed
                    continue
                yield _Searched(prefix + digest, size_bytes, finding)

    def _search_tables(self, values: Values) -> Iterator[_Searched]:
        for name, rows in () if self._database is None else self._database.tables():
            whole = size_bytes = part = 0
            cells = (
                cell if isinstance(cell, bytes) else str(cell).encode()
                for cell in chain.from_iterable(rows)
            )
            while some := list(islice(cells, _CELLS_AT_ONCE)):
                size_bytes += sum(map(len, some))
                found = search_all(values, partial(_search_cells, cells=some))
                whole += sum(found.counts.values())
                part += found.ambiguous
            counts = {"cells": whole} if whole else {}
            yield _Searched(f"database:{name}", size_bytes, Finding("table", counts, part))

    def _search_online(self, values: Values) -> Iterator[_Searched]:
        if self._online is None:
            return
        found: dict[str, Count] = {}
        sizes: Counter[str] = Counter()
        for table, row in self._online.rows():
            sizes[table] += sum(map(len, row))
            suspects = values.suspects(*row)
            counts = (self._count_row(values.needles[one], table, row) for one in suspects)
            found[table] = sum(counts, found.get(table, Count()))
        for table, count in sorted(found.items()):
            counts = {"rows": count.whole} if count.whole else {}
            yield _Searched(f"online:{table}", sizes[table], Finding("online", counts, count.part))

    def _count_row(self, needle: Needle, table: str, row: tuple[bytes, bytes]) -> Count:
        raw = sum(map(needle.count_bytes, row))
        if not raw or self._online is None:  # what is not in the bytes is not in the cells
            return Count()
        count = Count()
        for cell in self._online.cells(table, row):
            if isinstance(cell, str):
                count += needle.count_text(cell)
            else:
                count += Count(whole=needle.count_bytes(cell))
        return count if count.whole or count.part else Count(whole=raw)


def search_all(values: Values, search: Callable[[Search], Finding]) -> Finding:
    """Search one place for all values: those that the sieve names, or the only one, by themselves."""
    if len(values.needles) == 1:
        return search(*values.needles.values())
    sieve = Sieve(values)
    found = search(sieve)
    counts: Counter[str] = Counter()
    ambiguous = sieve.ambiguous
    for value in sorted(sieve.suspects):
        one = search(values.needles[value])
        counts.update(one.counts)
        ambiguous += one.ambiguous
    return Finding(found.format, counts, ambiguous)


def _search_cells(needle: Search, cells: Sequence[bytes]) -> Finding:
    """Search some cells of a table: those that hold the value, or one of its like, each by itself."""
    found = Finding("table", {})
    if isinstance(needle, Needle) or needle.count_bytes(b"\0".join(cells)):
        inner = [search_bytes(needle, cell) for cell in cells]
        whole = sum(sum(one.counts.values()) for one in inner)
        found = Finding("table", {"cells": whole}, sum(one.ambiguous for one in inner))
    return found


def search_path(needle: Search, path: Path, *, longer: bool = False) -> Finding:
    """Search one file.

    Args:
        needle: What for.
        path: The file.
        longer: Whether packed rows are known to hold the value within longer words.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        large = path.stat().st_size > LARGE_BYTES
    if head.startswith(_SQLITE_MAGIC):
        with suppress(sqlite3.DatabaseError):
            return search_sqlite(needle, path)
    if head[_LMDB_PLACE:].startswith(_LMDB_MAGIC):
        return _search_lmdb(needle, path, longer=longer)
    return search_large(needle, path) if large else search_bytes(needle, path.read_bytes())


def _search_lmdb(needle: Search, path: Path, *, longer: bool) -> Finding:
    """Search the pages of an LMDB file, free ones too, as they lie."""
    with path.open("rb") as file:
        count = count_stream(needle, file)
    if not longer:
        count = Count(whole=count.whole + count.part)
    if not needle.distinctive:
        count = Count(part=count.whole + count.part)
    return Finding("lmdb", {"pages": count.whole} if count.whole else {}, count.part)
