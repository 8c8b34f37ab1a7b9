"""The newest row of every key, for look-ups in microseconds: embedded in files, or in Redis."""

from towpath.storage.online.contract import (
    KEY_BYTES_MOST,
    STAMP_BYTES,
    Draft,
    Found,
    Head,
    LoopReads,
    OnlineStore,
    Row,
    Wanted,
)
from towpath.storage.online.opening import open_online

__all__ = [
    "KEY_BYTES_MOST",
    "STAMP_BYTES",
    "Draft",
    "Found",
    "Head",
    "LoopReads",
    "OnlineStore",
    "Row",
    "Wanted",
    "open_online",
]
