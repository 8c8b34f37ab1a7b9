"""Which way lineage is asked, and how much of the graph an answer may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from towpath.core.errors import UsageError

Direction = Literal["back", "forth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of the graph an answer may hold. What is left out is counted, never dropped silently.

    Attributes:
        depth: How many steps to follow; None for all.
        width: How many neighbours of one node are shown at most: kinds that matter most first, of each
            kind the newest.
        nodes: How many nodes are shown at most, the nearest first.
        counted: How many nodes `TraceTree.reached` counts before it gives up; None for all of them,
            whatever that takes.
        full: Show every step run and artefact on the way, instead of the pipeline run alone.
    """

    depth: int | None = None
    width: int = 20
    nodes: int = 200
    counted: int | None = 5000
    full: bool = False

    def __post_init__(self) -> None:
        """Refuse what would show nothing."""
        if min(self.width, self.nodes) < 1 or min(self.depth or 0, self.counted or 0) < 0:
            raise UsageError(
                "an answer can't be bounded to nothing",
                remedy="Give a depth of 0 or more, and at least one node.",
            )


DEFAULT: Final = Bounds()

__all__ = ["DEFAULT", "Bounds", "Direction"]
