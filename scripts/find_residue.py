"""Search a home for values that should be gone: an audit of an erasure that trusts no one.

    python scripts/find_residue.py FOLDER VALUE... [--redis URL] [--postgres URL] [--s3 URL]

It shares no code with Towpath. Every file is searched as raw bytes and decoded with plain libraries:
Parquet, Arrow, Avro, SQLite, LMDB, JSON, NumPy, gzip, bzip2, xz, zstd, lz4 and zip, archives within
archives too. Of databases it reads the cells, and their pages as they lie on the disk: free ones, the
write-ahead log, dead rows, and what is packed inside any of these. With an address, every key and value
of a Redis, every table of a PostgreSQL (its cells and the files of its tables and indexes) and every
object below an address of S3 is searched as well.

A value that is a fraction (`0.8972602739726028`) is also searched as the eight bytes of a double. Unlike
Towpath it tells no words apart: `N142` is found in `N14228`. Prints one JSON object, in which no value
appears, and exits with 1 when something is left.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import gzip
import io
import json
import lzma
import sqlite3
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SQLITE = b"SQLite format 3\x00"
SQLITE_LOGS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
PAGE_BYTES = 1 << 16  # no database has larger ones
LMDB = struct.pack("<I", 0xBEEFC0DE)  # behind the header of the first page, which takes 16 bytes


def search(data: bytes, *values: str) -> list[str]:
    """Return how a value can be seen in some bytes; empty when none can."""
    if not data:  # some decoders make nothing of nothing, again and again
        return []
    seen = []
    if any(form in data for value in values for form in forms_of(value)):
        seen.append("raw bytes")
    for name, decode in DECODERS.items():
        try:
            parts = decode(data)
        except Exception:  # noqa: BLE001, S112 -- whatever it says: not of that format
            continue
        for part in parts:
            told = isinstance(part, str) and any(value in part for value in values)
            if told or (isinstance(part, bytes) and search(part, *values)):
                seen.append(name)
                break
    return seen


def forms_of(value: str) -> list[bytes]:
    """Return the bytes that a value is written as."""
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")
    forms = [value.encode(encoding) for encoding in encodings]
    try:
        number = float(value)
    except ValueError:
        return forms
    if number.is_integer():  # bytes of small numbers are everywhere
        return forms
    return [*forms, struct.pack("<d", number), struct.pack(">d", number)]


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


def pages(data: bytes) -> Iterator[bytes]:
    """Yield what is packed somewhere inside a database's pages, wherever one begins.

    A value on a page has other bytes behind it, so it has to be unpacked as far as it goes. What is
    longer than a page is in pieces there; as long as it is in use, its cell is read whole.
    """
    for magic, unpack in (
        (b"\x1f\x8b\x08", lambda piece: zlib.decompressobj(31).decompress(piece)),
        (b"BZh", lambda piece: bz2.BZ2Decompressor().decompress(piece)),
        (b"\xfd7zXZ\x00", lambda piece: lzma.LZMADecompressor().decompress(piece)),
        (b"\x28\xb5\x2f\xfd", unpack_zstd),
    ):
        at = data.find(magic)
        while at >= 0:
            unpacked = b""
            with contextlib.suppress(Exception):  # bytes that only look like a beginning
                unpacked = unpack(data[at : at + PAGE_BYTES])
            yield unpacked
            at = data.find(magic, at + 1)


def unpack_zstd(piece: bytes) -> bytes:
    """Unpack the first frame, as far as it can be read."""
    stream = pa.CompressedInputStream(pa.BufferReader(piece), "zstd")
    unpacked = bytearray()
    with contextlib.suppress(OSError):  # it ends where the page goes on
        while byte := stream.read(1):
            unpacked += byte
    return bytes(unpacked)


def search_pages(data: bytes, *values: str) -> list[str]:
    """Return whether a value is packed on a page of a database's file."""
    return ["packed on a page"] if any(search(piece, *values) for piece in pages(data)) else []


def cells_hold(cells: Sequence[object], *values: str) -> bool:
    """Tell whether one of a row's cells holds a value."""
    kept = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells]
    return any(search(cell, *values) for cell in kept)


def search_sqlite(path: Path, *values: str) -> list[str]:
    """Return the tables of a SQLite file that hold a value."""
    seen = []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'"):
            rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 -- from the file
            if any(cells_hold(row, *values) for row in rows):
                seen.append(f"sqlite table {table}")
    finally:
        connection.close()
    return seen


def search_lmdb(data: bytes, *values: str) -> list[str]:
    """Return the databases of an LMDB file that hold a value in a key or what is kept under it.

    A copy is opened: a process may open a file once, and whoever calls this may have.
    """
    import lmdb  # noqa: PLC0415 -- most homes have none

    seen = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        copy = Path(folder) / "copy"
        copy.write_bytes(data)
        env = stack.enter_context(
            lmdb.open(str(copy), subdir=False, readonly=True, lock=False, max_dbs=10_000)
        )
        names: list[bytes | None] = [None]
        with env.begin() as tx:
            names += [key for key, _ in tx.cursor()]
        for name in names:
            try:
                database = env.open_db(name, create=False)
            except lmdb.Error:  # a key like any other, read with those beside it
                continue
            with env.begin(db=database) as tx:
                if any(cells_hold(entry, *values) for entry in tx.cursor()):
                    seen.append(f"lmdb database {hide(str(name), *values)}")
    return seen


def search_redis(url: str, *values: str) -> dict[str, list[str]]:
    """Return the keys of a Redis that hold a value in their name, fields or values."""
    import redis  # noqa: PLC0415 -- most homes have none

    found: dict[str, list[str]] = {}
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            kind = client.type(key)
            if kind == b"hash":
                parts = [part for row in client.hscan_iter(key) for part in row]
            elif kind == b"set":
                parts = list(client.sscan_iter(key))
            elif kind == b"zset":
                parts = [member for member, _ in client.zscan_iter(key)]
            elif kind == b"list":
                parts = client.lrange(key, 0, -1)
            elif kind == b"string":
                parts = [client.get(key) or b""]
            else:
                parts = [client.dump(key) or b""]
            seen = sorted({how for part in (key, *parts) for how in search(part, *values)})
            if seen:
                found[hide(f"redis {key!r}", *values)] = seen
    return found


def search_postgres(url: str, *values: str) -> dict[str, list[str]]:
    """Return the tables of a PostgreSQL database that hold a value, in their cells or their files.

    The files tell of rows that are deleted and were not vacuumed away. Reading them needs a role that
    may (`pg_read_server_files`). The server's own log of changes is not among them.
    """
    import psycopg  # noqa: PLC0415 -- most homes have none

    found: dict[str, list[str]] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        relations = connection.execute(
            "SELECT oid::regclass::text, relkind, pg_relation_filepath(oid) FROM pg_class "
            "WHERE relkind IN ('r', 'i', 't', 'm') AND oid >= 16384"  # below are the server's own
        ).fetchall()
        for name, kind, file in relations:
            seen: list[str] = []
            if kind in ("r", "m"):
                rows = connection.execute(f"SELECT * FROM {name}")  # noqa: S608 -- quoted by regclass
                if any(cells_hold(row, *values) for row in rows):
                    seen.append("cells")
            for (data,) in connection.execute("SELECT pg_read_binary_file(%s)", (file,)):
                seen += [how for how in search(data, *values) if how == "raw bytes"]
                seen += search_pages(data, *values)
            if seen:
                found[hide(f"postgres {name}", *values)] = seen
    return found


def search_s3(url: str, *values: str) -> dict[str, list[str]]:
    """Return the objects below `s3://BUCKET/PREFIX?endpoint=…` that hold a value; old versions too."""
    import boto3  # noqa: PLC0415 -- most homes have none

    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query))
    client = boto3.client(
        "s3",
        endpoint_url=said.get("endpoint"),
        region_name=said.get("region"),
        aws_access_key_id=said.get("access_key_id"),
        aws_secret_access_key=said.get("secret_access_key"),
    )
    found: dict[str, list[str]] = {}
    below = {"Bucket": parts.netloc, "Prefix": parts.path.lstrip("/")}
    for page in client.get_paginator("list_object_versions").paginate(**below):
        for one in page.get("Versions", []):
            where = {"Key": one["Key"], "VersionId": one["VersionId"]}
            data = client.get_object(Bucket=parts.netloc, **where)["Body"].read()
            seen = search(data, *values)
            if any(value in one["Key"] for value in values):
                seen.append("its name")
            if seen:
                found[hide(f"s3 {one['Key']}", *values)] = seen
    return found


def search_file(path: Path, *values: str) -> list[str]:
    """Return how a value can be seen in a file, whatever its name says that it is."""
    data = path.read_bytes()
    seen = search(data, *values)
    if data.startswith(SQLITE):
        seen += search_sqlite(path, *values)
    if data[16:20] == LMDB:
        seen += search_lmdb(data, *values)
    if data.startswith((SQLITE, *SQLITE_LOGS)) or data[16:20] == LMDB:
        seen += search_pages(data, *values)
    return seen


def search_folder(folder: Path, *values: str) -> tuple[int, dict[str, list[str]]]:
    """Return how many files lie below a folder, and how a value can be seen in which."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found: dict[str, list[str]] = {}
    for path in files:
        name = str(path.relative_to(folder))
        seen = search_file(path, *values)
        if any(value in name for value in values):
            seen.append("its name")
        if seen:
            found[hide(name, *values)] = seen
    return len(files), found


def hide(text: str, *values: str) -> str:
    """Return a text without the values, to be shown."""
    for value in values:
        text = text.replace(value, "…")
    return text


def main() -> int:
    """Search everything that is named, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("values", nargs="+", metavar="VALUE")
    for store in ("redis", "postgres", "s3"):
        parser.add_argument(f"--{store}", metavar="URL")
    said = parser.parse_args()
    files, residue = search_folder(said.folder, *said.values)
    if said.redis:
        residue |= search_redis(said.redis, *said.values)
    if said.postgres:
        residue |= search_postgres(said.postgres, *said.values)
    if said.s3:
        residue |= search_s3(said.s3, *said.values)
    sys.stdout.write(json.dumps({"files": files, "residue": residue}) + "\n")
    return 1 if residue else 0


if __name__ == "__main__":
    raise SystemExit(main())
