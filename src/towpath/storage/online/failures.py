"""How races between writers of an online table read."""

from __future__ import annotations

from towpath.core.errors import Conflict


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
