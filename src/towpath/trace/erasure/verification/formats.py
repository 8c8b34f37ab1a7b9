"""Decodes what lies in a home: Parquet, Arrow, SQLite, NumPy, archives, compressed files and text.

Compression and encoding hide a value from a search of raw bytes, so each known format is opened with
a plain library and every cell in it compared; the raw bytes are searched as well, for what the format
does not show: footers, statistics, free pages, torn tails.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
from pyarrow import ipc

from towpath.trace.erasure.verification.avro import MAGIC as AVRO
from towpath.trace.erasure.verification.avro import avro_blocks
from towpath.trace.erasure.verification.columns import count_batches, count_parquet
from towpath.trace.erasure.verification.needle import Count, Needle, Search
from towpath.trace.erasure.verification.streaming import count_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_Decoder: TypeAlias = Callable[[Search, bytes, int], dict[str, Count]]
_CELLS_AT_ONCE = 1_000
_DEEPEST = 6  # archives inside archives


@dataclass(frozen=True, slots=True)
class Finding:
    """What one place holds.

    Attributes:
        format: What it was decoded as; `raw` when nothing fits.
        counts: Where inside the value was found, and how often.
        ambiguous: Raw occurrences that decoding shows to be parts of longer words.
    """

    format: str
    counts: Mapping[str, int]
    ambiguous: int = 0


def search_bytes(needle: Search, data: bytes, *, depth: int = 0) -> Finding:
    """Search bytes in memory: decoded as far as they can be, and raw."""
    for magic, (name, decode) in _MAGIC.items():
        if data.startswith(magic) and depth < _DEEPEST:
            try:
                cells = decode(needle, data, depth)
            except (*UNDECODABLE, OSError, EOFError):
                continue  # only looked like it
            return with_raw(needle, name, cells, needle.count_bytes(data))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return with_raw(needle, "raw", {}, needle.count_bytes(data))
    return _search_text(needle, text)


def search_sqlite(needle: Search, path: Path) -> Finding:
    """Search a SQLite file in place: every cell of every table, then its pages, free ones too.

    Raises:
        sqlite3.DatabaseError: It is not a SQLite database after all.
    """
    counts: dict[str, Count] = {}
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        listed = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        ).fetchall()
        for (raw_name,) in listed:
            table = _quoted(raw_name.decode())
            for column in connection.execute(f"PRAGMA table_info({table})").fetchall():
                name = column[1].decode()
                count = _count_column(needle, connection, table, _quoted(name))
                if count != Count():
                    counts[f"table {raw_name.decode()} column {name}"] = count
    with path.open("rb") as file:
        raw = count_stream(needle, file)
    return with_raw(needle, "sqlite", counts, raw.whole + raw.part)


def _count_column(needle: Search, connection: sqlite3.Connection, table: str, column: str) -> Count:
    found = Count()
    for cell in _cells(needle, connection, table, column):
        data = cell if isinstance(cell, bytes) else str(cell).encode()
        inner = search_bytes(needle, data)
        found += Count(whole=sum(inner.counts.values()), part=inner.ambiguous)
    return found


def _cells(
    needle: Search, connection: sqlite3.Connection, table: str, column: str
) -> Iterator[object]:
    """Yield the cells of a column whose bytes contain the value, and some others perhaps."""
    # Both names come from the file's own schema and are quoted; the value is bound.
    if isinstance(needle, Needle):
        query = f"SELECT {column} FROM {table} WHERE instr(CAST({column} AS BLOB), ?)"  # noqa: S608 - see above
        yield from (cell for (cell,) in connection.execute(query, (needle.utf8,)))
        return
    rows = connection.execute(f"SELECT CAST({column} AS BLOB) FROM {table}")  # noqa: S608 - see above
    while cells := [cell for (cell,) in rows.fetchmany(_CELLS_AT_ONCE)]:
        if needle.count_bytes(b"\0".join(cell for cell in cells if cell is not None)):
            yield from (cell for cell in cells if cell is not None)


def _search_text(needle: Search, text: str) -> Finding:
    count = needle.count_text(text)
    if not count.whole and "\\u" in text:  # JSON may write any letter as an escape
        count += needle.count_text(text.encode().decode("unicode_escape", errors="ignore"))
    return Finding("text", {"text": count.whole} if count.whole else {}, count.part)


def with_raw(needle: Search, name: str, cells: Mapping[str, Count], raw: int) -> Finding:
    """Judge the raw occurrences in a decoded place by what its cells hold."""
    counts = {where: count.whole for where, count in cells.items() if count.whole}
    parts = sum(count.part for count in cells.values())
    if not raw or counts:
        return Finding(name, counts, parts)
    if parts or not needle.distinctive:
        return Finding(name, counts, max(raw, parts))
    return Finding(name, {"raw bytes": raw})


def _parquet(needle: Search, data: bytes, _depth: int) -> dict[str, Count]:
    found = count_parquet(needle, pa.BufferReader(data), rows_at_once=1 << 17)
    return {f"column {name}": count for name, count in found.items()}


def _arrow_file(needle: Search, data: bytes, _depth: int) -> dict[str, Count]:
    reader = ipc.open_file(pa.BufferReader(data))
    found = count_batches(needle, (reader.get_batch(i) for i in range(reader.num_record_batches)))
    return {f"column {name}": count for name, count in found.items()}


def _arrow_stream(needle: Search, data: bytes, _depth: int) -> dict[str, Count]:
    with ipc.open_stream(pa.BufferReader(data)) as reader:
        found = count_batches(needle, reader)
    return {f"column {name}": count for name, count in found.items()}


def _zip(needle: Search, data: bytes, depth: int) -> dict[str, Count]:
    found: dict[str, Count] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.namelist():
            found |= _inner(needle, archive.read(member), depth, f"{member}: ")
            found[f"name of member {len(found)}"] = needle.count_text(member)
    return found


def _unpacked(unpack: Callable[[bytes], bytes]) -> _Decoder:
    def decode(needle: Search, data: bytes, depth: int) -> dict[str, Count]:
        return _inner(needle, unpack(data), depth, "")

    return decode


def _inner(needle: Search, data: bytes, depth: int, prefix: str) -> dict[str, Count]:
    finding = search_bytes(needle, data, depth=depth + 1)
    found = {prefix + where: Count(whole=count) for where, count in finding.counts.items()}
    return found | {prefix + "longer words": Count(part=finding.ambiguous)}


def _avro(needle: Search, data: bytes, _depth: int) -> dict[str, Count]:
    # In a block a text stands between numbers: what lies beside it tells nothing about its word.
    counts = (needle.count_bytes(block) for block in avro_blocks(data))
    return {f"block {place}": Count(whole=count) for place, count in enumerate(counts)}


def _unzstd(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        return stream.read()


def _unlz4(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "lz4") as stream:
        return stream.read()


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


UNDECODABLE = (pa.ArrowException, zipfile.BadZipFile, lzma.LZMAError, ValueError)
_MAGIC: dict[bytes, tuple[str, _Decoder]] = {
    b"PAR1": ("parquet", _parquet),
    b"ARROW1": ("arrow", _arrow_file),
    b"\xff\xff\xff\xff": ("arrow stream", _arrow_stream),
    AVRO: ("avro", _avro),
    b"PK\x03\x04": ("zip", _zip),
    b"\x1f\x8b": ("gzip", _unpacked(gzip.decompress)),
    b"\x28\xb5\x2f\xfd": ("zstd", _unpacked(_unzstd)),
    b"\x04\x22\x4d\x18": ("lz4", _unpacked(_unlz4)),
    b"BZh": ("bzip2", _unpacked(bz2.decompress)),
    b"\xfd7zXZ\x00": ("xz", _unpacked(lzma.decompress)),
}
