"""Who has withdrawn, as a gateway follows it: what is new since the last look, and nothing before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from towpath.ledger.contract import Transaction
    from towpath.ledger.withdrawals import Withdrawal


class WithdrawnSubjects:
    """The subjects who withdrew, and up to where the ledger's list was read.

    A look costs what came since the one before. It reads the last known entry again with the new ones: if
    another stands in its place, or none, the database was put back to an earlier state, and its whole list
    is read. Whoever was on it stays withdrawn all the same: nobody takes that back, least of all a backup.

    The follower's thread grows it, and the event loop asks whether one is in it, which one set that only
    grows allows for. For the order of things between the two see `LedgerFollower`.

    Attributes:
        order: The ledger's list as far as it was read.
    """

    def __init__(self) -> None:
        self._subjects: set[str] = set()
        self.order: list[str] = []

    @property
    def subjects(self) -> AbstractSet[str]:
        """All keyed hashes: always the same set, which grows."""
        return self._subjects

    @property
    def position(self) -> int:
        """The position on the ledger's list up to which it was read."""
        return len(self.order)

    def recall(self, subjects: Sequence[str], position: int) -> None:
        """Begin with what was kept; the list is read anew where it was kept in another order."""
        self._subjects.update(subjects)
        self.order = list(subjects) if len(subjects) == position else []

    def look(self, tx: Transaction) -> list[Withdrawal]:
        """Return what `take` is to take, from a snapshot of the ledger."""
        if not self.order:
            return tx.withdrawals.since(1)
        found = tx.withdrawals.since(self.position)
        if found and found[0].subject == self.order[-1]:
            return found[1:]
        self.order = []
        return tx.withdrawals.since(1)

    def take(self, news: Sequence[Withdrawal]) -> None:
        """Add what is new."""
        self._subjects.update(one.subject for one in news)
        self.order += [one.subject for one in news]
