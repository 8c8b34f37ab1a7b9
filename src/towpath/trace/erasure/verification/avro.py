"""Unpacks Avro containers (Avro 1.11 specification, "Object Container Files") into their blocks.

Iceberg keeps its manifests in them. What is in a block is not parsed: its texts lie there as UTF-8.
"""

from __future__ import annotations

import bz2
import io
import zlib
from typing import IO, TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC = b"Obj\x01"
_SYNC_BYTES = 16


def avro_blocks(data: bytes) -> Iterator[bytes]:
    """Yield the header's metadata and each block, unpacked.

    Raises:
        ValueError: It is not a container, is cut off, or is packed in a way that is not known.
    """
    stream = io.BytesIO(data)
    if _exactly(stream, len(MAGIC)) != MAGIC:
        raise ValueError("not an Avro container")
    metadata = dict(_metadata(stream))
    yield b"\0".join(part for pair in metadata.items() for part in pair)
    codec = metadata.get(b"avro.codec", b"null")
    if codec not in _CODECS:
        raise ValueError("an Avro container in an unknown codec")
    sync = _exactly(stream, _SYNC_BYTES)
    while stream.tell() < len(data):
        _long(stream)  # how many records
        yield _CODECS[codec](_exactly(stream, _long(stream)))
        if _exactly(stream, _SYNC_BYTES) != sync:
            raise ValueError("an Avro container that is damaged")


def _metadata(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    while count := _long(stream):
        if count < 0:  # then the length of the piece follows
            count = -count
            _long(stream)
        for _ in range(count):
            yield _exactly(stream, _long(stream)), _exactly(stream, _long(stream))


def _long(stream: IO[bytes]) -> int:
    """Read a number: zigzag, seven bits at a time."""
    value = shift = 0
    while True:
        byte = _exactly(stream, 1)[0]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7


def _exactly(stream: IO[bytes], count: int) -> bytes:
    found = stream.read(count) if count >= 0 else b""
    if len(found) != count:
        raise ValueError("an Avro container that is cut off")
    return found


def _inflate(block: bytes) -> bytes:
    try:
        return zlib.decompress(block, -zlib.MAX_WBITS)
    except zlib.error as error:
        raise ValueError("an Avro block that is damaged") from error


def _unzstd(block: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(block), "zstd") as stream:
        return stream.read()


def _unsnappy(block: bytes) -> bytes:
    size = shift = 0
    for byte in block[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    # A checksum of four bytes comes after the data.
    return pa.decompress(block[:-4], size, "snappy", asbytes=True)


_CODECS: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": bytes,
    b"deflate": _inflate,
    b"bzip2": bz2.decompress,
    b"zstandard": _unzstd,
    b"snappy": _unsnappy,
}
