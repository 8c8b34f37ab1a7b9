"""What an anchor promises: to keep signed statements about the log where its owner can't change them.

A Merkle tree proves nothing to others while everything about it lies in one database. An anchor takes
the signed sizes and roots elsewhere: to a file (on a share that only appends, say), to a branch of a git
repository (which others fetch, or it is pushed to), or to somebody's web hook. `towpath audit verify`
holds the log to what the first two keep, and to any copy that it is given.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- msgspec resolves the annotations
from typing import TYPE_CHECKING, Protocol

import msgspec

from towpath.core.digests import canonical_json
from towpath.ledger import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

KIND = "anchor"


class Anchor(Protocol):
    """One place for statements. Process-safe; one line of JSON for each, oldest first."""

    @property
    def readable(self) -> bool:
        """Whether what was put can be read back from here."""
        ...

    def read(self) -> list[Checkpoint]:
        """Return what is kept there, oldest first. Signatures are the caller's to check.

        Raises:
            Unavailable: The place can't be reached.
        """
        ...

    def put(self, checkpoint: Checkpoint) -> None:
        """Add a statement, durably, unless it is the last one there already.

        Killed anywhere, it is there or not, and putting it again does no harm.

        Raises:
            Unavailable: The place can't be reached, or is full; worth another try.
            UsageError: The place refuses, for good.
        """
        ...


class AnchorState(msgspec.Struct, frozen=True, kw_only=True):
    """How far an anchor is; its intent's status.

    Attributes:
        size: Of the last statement that it took.
        at: Wall time of that.
        taken: How many it took.
        failures: Tries in a row that came to nothing.
        error: What the last of them met.
    """

    size: int = 0
    at: datetime | None = None
    taken: int = 0
    failures: int = 0
    error: str | None = None


def line_of(checkpoint: Checkpoint) -> bytes:
    """Return a statement as the line that anchors keep."""
    return canonical_json(checkpoint) + b"\n"


def statements_of(lines: Iterable[bytes]) -> list[Checkpoint]:
    """Read such lines. What is none is left out: a line that was torn by a kill, or a note."""
    found: list[Checkpoint] = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Checkpoint))
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
    return found
