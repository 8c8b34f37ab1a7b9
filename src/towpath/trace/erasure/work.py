"""One erasure as its phases see it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.trace.erasure.copies import About
from towpath.trace.erasure.subjects import datasets_about

if TYPE_CHECKING:
    from towpath.storage.keys import Keyring
    from towpath.trace.erasure.parts import Parts
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

    def about(self, parts: Parts) -> About:
        """Return whom it is about, as holders of copies are told. Unseals the plain value."""
        with parts.ledger.read() as tx:
            names = datasets_about(tx, self.request.field)
        return About(
            field=self.request.field,
            subject=self.request.subject,
            value=self.subject_value(parts.keyring),
            datasets=tuple(names),
            suppression=self.request.suppression,
        )

    def subject_value(self, keyring: Keyring) -> str:
        """Unseal the plain value. Never log it, never let it into the ledger or an error.

        Raises:
            NotFound: The key was shredded already.
        """
        return keyring.unseal(self.id, base64.b64decode(self.request.sealed)).decode()
