"""Searches files that are too large to hold in memory, piece by piece.

Tables are read batch by batch, archives member by member, and everything else as a stream of bytes in
which words are told by the ASCII letters beside them. Archives inside archives are not opened here.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from typing import IO, TYPE_CHECKING, Any, cast

import pyarrow as pa
from pyarrow import ipc

from towpath.trace.erasure.verification.columns import count_batches, count_parquet
from towpath.trace.erasure.verification.formats import (
    UNDECODABLE,
    Finding,
    search_bytes,
    with_raw,
)
from towpath.trace.erasure.verification.needle import Count, Search
from towpath.trace.erasure.verification.streaming import count_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LARGE_BYTES = 64 << 20
_SAMPLE_BYTES = 1 << 16


def search_large(needle: Search, path: Path) -> Finding:
    """Search a file in constant memory."""
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        raw = count_stream(needle, file, first=head)
    for magic, (name, decode) in _MAGIC.items():
        if head.startswith(magic):
            try:
                cells = decode(needle, path)
            except (*UNDECODABLE, OSError, EOFError):
                continue  # only looked like it
            return with_raw(needle, name, cells, raw.whole + raw.part)
    if _is_text(head):
        return Finding("text", {"text": raw.whole} if raw.whole else {}, raw.part)
    return with_raw(needle, "raw", {}, raw.whole + raw.part)


def _is_text(head: bytes) -> bool:
    try:
        head[: -4 or None].decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 8  # a letter that the sample cuts through
    return b"\0" not in head


def _parquet(needle: Search, path: Path) -> Mapping[str, Count]:
    with pa.memory_map(str(path)) as source:
        return count_parquet(needle, source, rows_at_once=1 << 15)


def _arrow(needle: Search, path: Path) -> Mapping[str, Count]:
    with pa.memory_map(str(path)) as source:
        reader = ipc.open_file(source)
        return count_batches(
            needle, (reader.get_batch(at) for at in range(reader.num_record_batches))
        )


def _zip(needle: Search, path: Path) -> Mapping[str, Count]:
    found: dict[str, Count] = {}
    with zipfile.ZipFile(path) as archive:
        for place, member in enumerate(archive.infolist()):
            with archive.open(member) as stream:
                if member.file_size > LARGE_BYTES:
                    found[f"member {place}"] = count_stream(needle, stream)
                else:
                    inner = search_bytes(needle, stream.read(), depth=1)
                    whole = sum(inner.counts.values())
                    found[f"member {place}"] = Count(whole, inner.ambiguous)
            found[f"name of member {place}"] = needle.count_text(member.filename)
    return found


def _packed(open_file: Callable[[Path], Any]) -> Callable[[Search, Path], Mapping[str, Count]]:
    def decode(needle: Search, path: Path) -> Mapping[str, Count]:
        with open_file(path) as stream:
            return {"what is packed": count_stream(needle, cast("IO[bytes]", stream))}

    return decode


def _unzstd(path: Path) -> Any:
    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


def _unlz4(path: Path) -> Any:
    return pa.CompressedInputStream(pa.OSFile(str(path)), "lz4")


_MAGIC: dict[bytes, tuple[str, Callable[[Search, Path], Mapping[str, Count]]]] = {
    b"PAR1": ("parquet", _parquet),
    b"ARROW1": ("arrow", _arrow),
    b"PK\x03\x04": ("zip", _zip),
    b"\x1f\x8b": ("gzip", _packed(gzip.open)),
    b"\x28\xb5\x2f\xfd": ("zstd", _packed(_unzstd)),
    b"\x04\x22\x4d\x18": ("lz4", _packed(_unlz4)),
    b"BZh": ("bzip2", _packed(bz2.open)),
    b"\xfd7zXZ\x00": ("xz", _packed(lzma.open)),
}
