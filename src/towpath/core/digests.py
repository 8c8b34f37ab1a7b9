"""Content digests and the canonical JSON that they are taken of."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_encode_canonical = msgspec.json.Encoder(order="deterministic").encode
_CHUNK_BYTES = 1 << 20


def canonical_json(value: object) -> bytes:
    """Encode `value` as JSON with sorted keys and no spaces: equal values give equal bytes.

    Accepts what msgspec encodes (structs and dataclasses too). Sets are sorted; NaN becomes null.
    """
    return _encode_canonical(value)


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """Return the SHA-256 of `data`, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_json(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of `value`."""
    return digest_bytes(canonical_json(value))


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in 1 MiB pieces."""
    with path.open("rb") as file:
        return digest_open(file.fileno())


def digest_open(fd: int) -> str:
    """Return the SHA-256 of an open file's bytes from where it stands, read in 1 MiB pieces."""
    hasher = hashlib.sha256()
    while chunk := os.read(fd, _CHUNK_BYTES):
        hasher.update(chunk)
    return hasher.hexdigest()
