"""Whether the server can answer, and what time it is in the world the models live in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The server's own state.

    Attributes:
        status: `ok`, or `degraded` while the database is away.
        version: The Towpath release that is running.
        environment: The environment whose traffic this server shows.
        event_time: The injected clock, which a replay runs faster than the wall's.
        events: Entries in the ledger's log.
    """

    status: str
    version: str
    environment: str
    event_time: datetime
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A signed statement that the log's first `size` entries have this root."""

    size: int
    root: str
    at: datetime
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """The ledger's Merkle log, as an auditor wants it.

    Attributes:
        size: Entries in the log.
        root: Hexadecimal tree hash over all of them (RFC 9162).
        checkpoints: Signed statements about the log, newest first.
        public_key_pem: What verifies the signatures offline.
    """

    size: int
    root: str
    checkpoints: list[SignedCheckpoint]
    key_id: str
    public_key_pem: str
