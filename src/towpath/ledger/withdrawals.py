"""What the ledger promises of who has withdrawn: a list that only grows, and can be followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """One entry of the list.

    Attributes:
        position: Its place: 1 for the first, and one more for each that follows.
        subject: The subject's keyed hash.
    """

    position: int
    subject: str


class Withdrawals(Protocol):
    """Who has withdrawn, as keyed hashes, in the order in which they did.

    Nobody is taken off again, and writers are serialised: so whoever has read up to a position has all
    that were on the list when that was its newest, and goes on from there.
    """

    def add(self, subject: str) -> int:
        """Put a subject's keyed hash on the list, unless it is there, and return its position.

        Event: `subject.withdrawn`, for one that is new. Costs the same however long the list is.
        """
        ...

    def add_all(self, subjects: Collection[str]) -> dict[str, int]:
        """Put many on the list, in the order given, and return their positions; else as `add`.

        In as many statements as one.
        """
        ...

    def position(self) -> int:
        """Return the newest entry's position; 0 while there is none."""
        ...

    def since(self, position: int) -> list[Withdrawal]:
        """Return the entries from a position on, that one included, oldest first; all of them.

        Costs what they are, not what is before them.
        """
        ...

    def among(self, subjects: Collection[str]) -> set[str]:
        """Return those of some keyed hashes that are on the list.

        Costs what is asked for, or the list where that is shorter.
        """
        ...

    def subjects(self) -> frozenset[str]:
        """Return all keyed hashes. Costs the whole list."""
        ...


__all__ = ["Withdrawal", "Withdrawals"]
