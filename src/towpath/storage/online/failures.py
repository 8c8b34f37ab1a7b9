"""How races between writers of an online table, and reads that come too late, are told."""

from __future__ import annotations

from towpath.core.errors import Conflict, Unavailable


def other_generation(table: str) -> Conflict:
    """Return the error for a writer that knew an older generation."""
    return Conflict(
        f"the online table {table!r} has another generation than the one to change",
        remedy="Look at its head again, and begin from there.",
        table=table,
    )


def overtaken(table: str) -> Conflict:
    """Return the error for a draft that another writer made void."""
    return Conflict(
        f"the draft of the online table {table!r} was overtaken by another writer",
        remedy="Begin again, if it is still wanted.",
        table=table,
    )


def reads_closed() -> Unavailable:
    """Return the error for a look-up that comes after the loop's look-ups were closed."""
    return Unavailable(
        "the online store's look-ups of this event loop are closed",
        remedy="Whoever serves is stopping; ask again elsewhere, or later.",
    )
