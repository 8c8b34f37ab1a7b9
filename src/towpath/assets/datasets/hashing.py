"""Murmur3 over whole columns, and the subject buckets that are taken from it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words: TypeAlias = NDArray[np.uint32]
    Bytes: TypeAlias = NDArray[np.uint8]

_LONG_BYTES = 256
_C1 = np.uint32(0xCC9E2D51)
_C2 = np.uint32(0x1B873593)


def murmur3(texts: pl.Series) -> Words:
    """Return the 32-bit Murmur3 hash (x86 variant, seed 0) of each text's UTF-8 bytes.

    Texts of one length are hashed together, so the cost is a few numpy passes per distinct length.
    The result is what Iceberg's table specification, appendix B, prescribes for strings.

    Args:
        texts: Strings without nulls.
    """
    array = texts.cast(pl.String).to_arrow()
    if isinstance(array, pa.ChunkedArray):  # pragma: no cover - Polars rechunks by itself
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, offset_bytes, data_bytes = array.buffers()
    hashes = np.zeros(len(array), dtype=np.uint32)
    if len(array) == 0:
        return hashes
    begin = array.offset
    offsets = np.frombuffer(offset_bytes, dtype=np.int64)[begin : begin + len(array) + 1]
    data = np.frombuffer(data_bytes or b"", dtype=np.uint8)
    lengths = np.diff(offsets)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        width = int(length)
        texts_of_length = data[offsets[rows][:, None] + np.arange(width)]
        hashes[rows] = _hash_equal_lengths(texts_of_length)
    return hashes


def shortened(texts: pl.Series) -> pl.Series:
    """Return texts with each long one replaced by a digest of it, for hashing that need not be Murmur3.

    Murmur3 in numpy costs a few passes per four bytes and per distinct length: little for names, hours
    for a column of documents.

    Args:
        texts: Strings without nulls.
    """
    long = texts.str.len_bytes() > _LONG_BYTES
    if not long.any():
        return texts
    digests = [
        hashlib.blake2b(one.encode(), digest_size=16).hexdigest() for one in texts.filter(long)
    ]
    return texts.scatter(long.arg_true(), digests)


def bucket_of(text: str, buckets: int) -> int:
    """Return the bucket, 0 to `buckets`-1, of one text: Iceberg's `bucket[N]` transform."""
    return int(buckets_of(pl.Series([text]), buckets)[0])


def buckets_of(texts: pl.Series, buckets: int) -> NDArray[np.int64]:
    """Return each text's bucket: `(murmur3 & 0x7fffffff) mod N`. Texts without nulls."""
    return (murmur3(texts) & np.uint32(0x7FFFFFFF)).astype(np.int64) % buckets


def _hash_equal_lengths(texts: Bytes) -> Words:
    count, length = texts.shape
    state = np.zeros(count, dtype=np.uint32)
    whole = length // 4 * 4
    # Little-endian words, whatever the machine.
    for word in np.ascontiguousarray(texts[:, :whole]).view("<u4").T.astype(np.uint32):
        state ^= _scramble(word)
        state = _rotate(state, 13) * np.uint32(5) + np.uint32(0xE6546B64)
    tail = np.zeros(count, dtype=np.uint32)
    for place in range(length - whole):
        tail |= texts[:, whole + place].astype(np.uint32) << np.uint32(8 * place)
    if length > whole:
        state ^= _scramble(tail)
    return _finish(state ^ np.uint32(length))


def _scramble(word: Words) -> Words:
    return _rotate(word * _C1, 15) * _C2


def _rotate(word: Words, by: int) -> Words:
    return (word << np.uint32(by)) | (word >> np.uint32(32 - by))


def _finish(state: Words) -> Words:
    state ^= state >> np.uint32(16)
    state *= np.uint32(0x85EBCA6B)
    state ^= state >> np.uint32(13)
    state *= np.uint32(0xC2B2AE35)
    return state ^ (state >> np.uint32(16))
