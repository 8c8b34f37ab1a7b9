"""Comments on tasks: free text, so they may name anybody, and never lie readable in the ledger.

Each task's comments are sealed under a key of its own. They travel in the same transaction as the answer
that they belong to, and are gone for good when the key is shredded: once they are in the set of
judgements, or once the task's subject is erased.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from towpath.core.errors import InvalidRequest, NotFound
from towpath.operate.labelling.spec import TASK

if TYPE_CHECKING:
    from towpath.storage.keys import Keyring

COMMENT_CHARS_MOST: Final = 2_000


class Comments:
    """Seals and reads what people write beside their answers. Thread-safe."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, task: str, text: str) -> str | None:
        """Return a comment as the ledger may hold it; None for an empty one.

        Raises:
            InvalidRequest: It is longer than 2,000 characters.
        """
        text = text.strip()
        if len(text) > COMMENT_CHARS_MOST:
            raise InvalidRequest(
                f"the comment has {len(text):,} characters",
                remedy=f"Write at most {COMMENT_CHARS_MOST:,}.",
            )
        if not text:
            return None
        return base64.b64encode(self._keyring.seal(_key(task), text.encode())).decode()

    def read(self, task: str, sealed: str | None) -> str:
        """Return a comment in plain; empty where there is none, or none any more."""
        if sealed is None:
            return ""
        try:
            return self._keyring.unseal(_key(task), base64.b64decode(sealed)).decode()
        except NotFound:
            return ""

    def shred(self, task: str) -> None:
        """Make a task's comments unreadable for good. Idempotent."""
        self._keyring.shred(_key(task))


def _key(task: str) -> str:
    return f"{TASK}:{task}"
