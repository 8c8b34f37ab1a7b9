"""Searches a stream of bytes piece by piece."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from towpath.trace.erasure.verification.needle import Count, Search

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES = 16 << 20
_BESIDE = 2  # bytes beside an occurrence that tell whether its word goes on


def count_stream(needle: Search, file: IO[bytes], *, first: bytes = b"") -> Count:
    """Count the occurrences in a stream, in every form; only those in UTF-8 can be parts of words."""
    reach = needle.longest + _BESIDE
    found, held, begin = Count(), b"", 0
    for piece in _pieces(file, first):
        data = held + piece
        # What begins later may go on in the next piece, or have its neighbours there.
        stop = max(begin, len(data) - reach)
        found += needle.count_words(data, begin, stop)
        keep = max(0, stop - _BESIDE)
        held, begin = data[keep:], stop - keep
    return found + needle.count_words(held, begin)


def _pieces(file: IO[bytes], first: bytes) -> Iterator[bytes]:
    if first:
        yield first
    while piece := file.read(_PIECE_BYTES):
        yield piece
