"""Identifiers that sort by the time they were made."""

from __future__ import annotations

import os
import time
import uuid


def uuid7(unix_ms: int | None = None) -> uuid.UUID:
    """Return a version-7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits.

    Args:
        unix_ms: The time to put in it; now, when None.
    """
    return uuid.UUID(int=_uuid7(time.time_ns() // 1_000_000 if unix_ms is None else unix_ms))


def new_id() -> str:
    """Return a fresh identifier: a UUIDv7 as 32 hexadecimal digits, as MLflow clients expect."""
    return f"{_uuid7(time.time_ns() // 1_000_000):032x}"


def _uuid7(millis: int) -> int:
    value = (millis & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10))
    return value & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62
