"""A home's ledger for those who can do without it for a while."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from towpath.app.home import Home
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.storage.database import CommitWatch


class DeferredLedger:
    """Opens the ledger of a home when it is asked for, and again if that failed.

    A `Ledger` in every other respect: with the database away, `read` and `write` raise `Unavailable`.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = Lock()

    def read(self) -> AbstractContextManager[Transaction]:
        """See `Ledger.read`."""
        return self._opened().read()

    def write(self, *, actor: str = "towpath") -> AbstractContextManager[Transaction]:
        """See `Ledger.write`."""
        return self._opened().write(actor=actor)

    def watch(self) -> CommitWatch:
        """See `Ledger.watch`."""
        return self._opened().watch()

    def close(self) -> None:
        """See `Ledger.close`; the home closes what it opened."""

    def _opened(self) -> Ledger:
        with self._lock:
            return self._home.ledger
