"""How blobs are named, and the errors that name them."""

from __future__ import annotations

import re

from towpath.core.errors import CorruptBlob, InvalidName, NotFound

is_digest = re.compile(r"[0-9a-f]{64}").fullmatch


def check_digest(digest: str) -> str:
    """Return `digest` if it is a SHA-256 in lower-case hexadecimal, so that it is safe in a path.

    Raises:
        InvalidName: It is anything else.
    """
    if not is_digest(digest):
        raise InvalidName(
            f"{digest!r} is not a blob's digest",
            remedy="Digests are 64 lower-case hexadecimal digits.",
        )
    return digest


def absent(digest: str) -> NotFound:
    """Return the error for a blob that is not there."""
    return NotFound(
        f"there is no blob {digest}", remedy="It was deleted, or never stored here.", digest=digest
    )


def corrupt(digest: str) -> CorruptBlob:
    """Return the error for a blob whose bytes are not what its name says."""
    return CorruptBlob(
        f"the bytes of blob {digest} are damaged",
        remedy="Restore it from a backup, or delete it and run again what made it.",
        digest=digest,
    )
