"""How records lie in a segment file: an 8-byte header, then checksummed frames of one record or a batch.

    file   = "TPSEG" 00 00 01, frame*
    frame  = length: u32 le, crc32(payload): u32 le, payload
    payload= MessagePack array: "decision" | "decisions" | "label", then the fields by position

A crash leaves at most a torn tail: bytes after the last frame whose length and checksum hold. A frame
is never empty, so a tail of zeros, as some file systems leave after a power cut, is torn as well.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, Final

import msgspec

from towpath.core.errors import IntegrityError
from towpath.operate.decisions.batches import DecisionBatch
from towpath.operate.decisions.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER: Final = b"TPSEG\x00\x00\x01"
MAX_PAYLOAD_BYTES: Final = 64 << 20

_PREFIX = Struct("<II")
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Record | DecisionBatch)


def encode_frame(record: Record | DecisionBatch) -> bytes:
    """Return the frame that holds one record, or a batch."""
    payload = _encode(record)
    return _PREFIX.pack(len(payload), zlib.crc32(payload)) + payload


def check_header(data: bytes | memoryview) -> bool:
    """Tell whether a file's first bytes are a whole header.

    Returns:
        False when they are a beginning of one, as a crash right after creation leaves them.

    Raises:
        IntegrityError: They are something else: another format, or a newer one.
    """
    head = bytes(data[: len(HEADER)])
    if head == HEADER:
        return True
    if HEADER.startswith(head):
        return False
    raise IntegrityError(
        "a decision segment does not begin with this version's header",
        remedy="It was written by another program or a newer Towpath; move it away or upgrade.",
        header=head.hex(),
    )


def whole_frames(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield (end offset, payload) of each frame from the beginning of `data` up to the torn tail."""
    view = memoryview(data)
    end = 0
    while end + _PREFIX.size <= len(view):
        length, checksum = _PREFIX.unpack_from(view, end)
        begin = end + _PREFIX.size
        if not 0 < length <= min(MAX_PAYLOAD_BYTES, len(view) - begin):
            return
        payload = view[begin : begin + length]
        if zlib.crc32(payload) != checksum:
            return
        end = begin + length
        yield end, payload


def decode_frames(data: bytes | memoryview) -> tuple[list[Record], int]:
    """Return the records of the whole frames in `data`, those of batches one by one, and where they end.

    Raises:
        IntegrityError: A frame's checksum holds and yet its payload is no record of this version.
    """
    found, end = decode_batches(data)
    records: list[Record] = []
    for one in found:
        if isinstance(one, DecisionBatch):
            records.extend(one.decisions())
        else:
            records.append(one)
    return records, end


def decode_batches(data: bytes | memoryview) -> tuple[list[Record | DecisionBatch], int]:
    """Return what the whole frames in `data` hold, and where the last of them ends.

    Raises:
        IntegrityError: A frame's checksum holds and yet its payload is no record of this version.
    """
    found: list[Record | DecisionBatch] = []
    end = 0
    for after, payload in whole_frames(data):
        try:
            one = _decoder.decode(payload)
            if isinstance(one, DecisionBatch) and not one.is_whole():
                raise ValueError("a batch has parts of different lengths")  # noqa: TRY301 - told alike
        except (msgspec.DecodeError, ValueError) as error:
            raise IntegrityError(
                "a decision segment holds a record that can't be read",
                remedy="It was written by a newer Towpath; upgrade this one.",
                offset=end,
            ) from error
        found.append(one)
        end = after
    return found, end
