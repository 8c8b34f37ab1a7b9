"""A section of a readable certificate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, what is said below it, and a table.

    Attributes:
        head: The table's column names; empty for a table of names and values.
        codes: Columns that hold digests and references, set in a fixed width.
    """

    title: str
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    codes: tuple[int, ...] = ()
