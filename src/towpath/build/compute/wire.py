"""Frames of MessagePack over a stream: a four-byte length, then the body."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

Frame = dict[str, Any]
_HEAD = struct.Struct(">I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


def pack(frame: Frame) -> bytes:
    """Return the bytes of one frame."""
    body = _encode(frame)
    return _HEAD.pack(len(body)) + body


class FrameBuffer:
    """Collects what arrives and gives back whole frames. Not thread-safe."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add bytes and yield the frames that are complete now."""
        self._held += data
        while len(self._held) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._held)
            end = _HEAD.size + length
            if len(self._held) < end:
                return
            body = bytes(self._held[_HEAD.size : end])
            del self._held[:end]
            yield _decode(body)
