"""One erasure as its phases see it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.storage.keys import Keyring
    from towpath.trace.erasure.state import Request, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is asked for and how far it is."""

    id: str
    request: Request
    state: State

    @property
    def reason(self) -> str:
        """What ledger entries say about why: `erasure:ID`."""
        return f"erasure:{self.id}"

    def subject_value(self, keyring: Keyring) -> str:
        """Unseal the plain value. Never log it, never let it into the ledger or an error.

        Raises:
            NotFound: The key was shredded already.
        """
        return keyring.unseal(self.id, base64.b64decode(self.request.sealed)).decode()
