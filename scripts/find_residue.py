"""Search a folder for a value that should be gone: an audit of an erasure that trusts no one.

    python scripts/find_residue.py FOLDER VALUE [REDIS_URL]

It shares no code with Towpath. Every file is searched as raw bytes and decoded with plain libraries:
Parquet, Arrow, Avro, SQLite (cells and, raw, free pages and the write-ahead log), JSON, NumPy, gzip,
bzip2, xz, zstd, lz4 and zip, archives within archives too. With an address, every key and value of a
Redis is searched as well. Unlike Towpath it tells no words apart: `N142` is found in `N14228`. Prints one
JSON object and exits with 1 when something is left.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import sys
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

if TYPE_CHECKING:
    from collections.abc import Callable


def search(data: bytes, value: str) -> list[str]:
    """Return how the value can be seen in some bytes; empty when it can't."""
    if not data:  # some decoders make nothing of nothing, again and again
        return []
    seen = []
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")
    if any(value.encode(encoding) in data for encoding in encodings):
        seen.append("raw bytes")
    for name, decode in DECODERS.items():
        try:
            parts = decode(data)
        except Exception:  # noqa: BLE001, S112 -- whatever it says: not of that format
            continue
        for part in parts:
            if value in part if isinstance(part, str) else search(part, value):
                seen.append(name)
                break
    return seen


def of_table(table: pa.Table) -> list[str]:
    """Return a table as text: its cells and its metadata."""
    return [repr(table.to_pydict()), repr(table.schema.metadata)]


def parquet(data: bytes) -> list[str]:
    """Return a Parquet file's cells, its metadata, and the dictionaries of its text columns."""
    if data[:4] != b"PAR1":
        raise ValueError
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    dictionaries = [
        repr(chunk.dictionary.to_pylist())
        for name in file.schema_arrow.names
        if pa.types.is_string(file.schema_arrow.field(name).type)
        for chunk in pyarrow.parquet.read_table(
            io.BytesIO(data), columns=[name], read_dictionary=[name]
        )
        .column(0)
        .chunks
    ]
    return [*of_table(file.read()), repr(file.metadata.to_dict()), *dictionaries]


def arrow_file(data: bytes) -> list[str]:
    """Return an Arrow file's cells."""
    return of_table(pyarrow.ipc.open_file(io.BytesIO(data)).read_all())


def arrow_stream(data: bytes) -> list[str]:
    """Return an Arrow stream's cells."""
    return of_table(pyarrow.ipc.open_stream(io.BytesIO(data)).read_all())


def archive(data: bytes) -> list[bytes]:
    """Return what is in a zip archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as members:
        return [members.read(name) for name in members.namelist()]


def avro(data: bytes) -> list[bytes]:
    """Return an Avro container's blocks, unpacked; they hold texts as they are."""
    if data[:4] != b"Obj\x01":
        raise ValueError
    stream = io.BytesIO(data[4:])
    metadata = {}
    while count := avro_number(stream):
        if count < 0:  # then the length of the piece follows
            avro_number(stream)
        for _ in range(abs(count)):
            name = stream.read(avro_number(stream))
            metadata[name] = stream.read(avro_number(stream))
    stream.read(16)  # what marks the end of each block
    blocks = [repr(metadata).encode()]
    while stream.tell() < len(data) - 4:
        avro_number(stream)
        block = stream.read(avro_number(stream))
        if metadata.get(b"avro.codec") == b"deflate":
            block = zlib.decompress(block, -zlib.MAX_WBITS)
        elif metadata.get(b"avro.codec") == b"zstandard":
            block = pa.CompressedInputStream(pa.BufferReader(block), "zstd").read()
        blocks.append(block)
        stream.read(16)
    return blocks


def avro_number(stream: io.BytesIO) -> int:
    """Read one of Avro's numbers: seven bits a byte, the sign in the lowest."""
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)


def packed(codec: str, magic: bytes) -> Callable[[bytes], list[bytes]]:
    """Return a decoder of one of Arrow's compression codecs."""

    def decode(data: bytes) -> list[bytes]:
        if not data.startswith(magic):
            raise ValueError
        with pa.CompressedInputStream(pa.BufferReader(data), codec) as stream:
            return [stream.read()]

    return decode


DECODERS = {
    "parquet": parquet,
    "arrow file": arrow_file,
    "arrow stream": arrow_stream,
    "json": lambda data: [repr(json.loads(data))],
    "numpy": lambda data: [repr(np.load(io.BytesIO(data), allow_pickle=False).tolist())],
    "gzip": lambda data: [gzip.decompress(data)],
    "bzip2": lambda data: [bz2.decompress(data)],
    "xz": lambda data: [lzma.decompress(data)],
    "zstd": packed("zstd", b"\x28\xb5\x2f\xfd"),
    "lz4": packed("lz4", b"\x04\x22\x4d\x18"),
    "zip": archive,
    "avro": avro,
}


def search_database(path: Path, value: str) -> list[str]:
    """Return the tables of a SQLite file that hold the value."""
    seen = []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'"):
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 -- from the file
                cells = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in row]
                if any(search(cell, value) for cell in cells):
                    seen.append(f"sqlite table {table}")
                    break
    finally:
        connection.close()
    return seen


def search_redis(url: str, value: str) -> dict[str, list[str]]:
    """Return the keys of a Redis that hold the value in their name, fields or values."""
    import redis  # noqa: PLC0415 -- most homes have none

    found: dict[str, list[str]] = {}
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            kind = client.type(key)
            if kind == b"hash":
                parts = [part for row in client.hscan_iter(key) for part in row]
            elif kind == b"set":
                parts = list(client.sscan_iter(key))
            else:
                parts = [client.dump(key) or b""]
            seen = sorted({how for part in (key, *parts) for how in search(part, value)})
            if seen:
                found[f"redis {key!r}".replace(value, "…")] = seen
    return found


def main(folder: Path, value: str, redis_url: str | None = None) -> int:
    """Search every file below a folder, and every key of a Redis."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    residue: dict[str, list[str]] = {}
    for path in files:
        data = path.read_bytes()
        seen = search(data, value)
        if data.startswith(b"SQLite format 3\x00"):
            seen += search_database(path, value)
        if value in str(path.relative_to(folder)):
            seen.append("its name")
        if seen:
            residue[str(path.relative_to(folder))] = seen
    if redis_url is not None:
        residue |= search_redis(redis_url, value)
    sys.stdout.write(json.dumps({"files": len(files), "residue": residue}) + "\n")
    return 1 if residue else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), *sys.argv[2:4]))
