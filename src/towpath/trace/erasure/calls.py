"""Calls that bring withdrawals under a key, so that one which is sent again is answered, not repeated.

Asking twice for somebody whose erasure is under way gives the same request anyhow. The key is for
whoever never saw the answer and asks again much later, when a request of its own would begin another
erasure (IETF draft-ietf-httpapi-idempotency-key-header). What is kept is a hash of what was asked for,
and the ids that were answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from towpath.core.digests import digest_json
from towpath.core.errors import Conflict
from towpath.trace.erasure.state import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.ledger.contract import Transaction

KIND = "withdrawal_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call under a key.

    Attributes:
        name: What its row is called by: a hash of caller and key.
        asked: A hash of what it asks for.
    """

    name: str
    asked: str

    @classmethod
    def of(cls, caller: str, key: str, field: str, subjects: Iterable[str]) -> Self:
        """Return the call of a caller for some subjects, given as keyed hashes in their order."""
        return cls(name=digest_json([caller, key]), asked=digest_json([field, *subjects]))

    def answered(self, tx: Transaction) -> list[str] | None:
        """Return the ids that were answered to it before; None if it is new.

        Raises:
            Conflict: The key was used for something else.
        """
        row = tx.intents.find(KIND, self.name)
        if row is None:
            return None
        if row.spec["asked"] != self.asked:
            raise Conflict(
                "this idempotency key was used for other withdrawals",
                remedy="Send each call under a key of its own, and the same call under the same.",
            )
        return list(row.spec["erasures"])

    def note(self, tx: Transaction, ids: Sequence[str]) -> None:
        """Keep what is answered, in the transaction that took the withdrawals."""
        spec = {"asked": self.asked, "erasures": list(ids)}
        tx.intents.put(KIND, self.name, project=PROJECT, spec=spec, due=False)
