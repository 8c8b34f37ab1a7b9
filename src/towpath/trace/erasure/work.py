"""One erasure as its phases see it, with all whom it is about."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.trace.erasure.copies import About
from towpath.trace.erasure.gathering import riders_of
from towpath.trace.erasure.subjects import datasets_about

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
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
        """Return all whom it is about together, as holders of copies are told.

        Unseals the plain values.
        """
        with parts.ledger.read() as tx:
            names = datasets_about(tx, self.request.field)
            requests = [one for _, one in self.requests(tx)]
        return About(
            field=self.request.field,
            subjects=tuple(one.subject for one in requests),
            values=tuple(self._unsealed(one, parts.keyring) for one in requests),
            datasets=tuple(names),
            suppression=max(self.request.suppression, self.state.suppression),
        )

    def requests(self, tx: Transaction) -> list[tuple[str, Request]]:
        """Return all requests that it fulfils, its own first, by id."""
        return [(self.id, self.request), *(riders_of(tx, self.id) if self.state.riders else ())]

    def _unsealed(self, request: Request, keyring: Keyring) -> str:
        """Unseal a plain value. Never log it, never let it into the ledger or an error.

        Raises:
            NotFound: The key was shredded already.
        """
        return keyring.unseal(self.id, base64.b64decode(request.sealed)).decode()
