"""Who has withdrawn, remembered for a moment, so that a look-up need not ask the database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from towpath.ledger import Ledger

_REMEMBERED_S: Final = 1.0


class Withdrawals:
    """Returns the keyed hashes of withdrawn subjects, at most a second old. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: tuple[float, frozenset[str]] = (float("-inf"), frozenset())

    def __call__(self) -> frozenset[str]:
        """Return them. Raises what the ledger raises when it is away."""
        read_at, hashes = self._seen
        now = time.monotonic()
        if now - read_at >= _REMEMBERED_S:
            with self._ledger.read() as tx:
                hashes = tx.withdrawals.subjects()
            self._seen = (now, hashes)
        return hashes
