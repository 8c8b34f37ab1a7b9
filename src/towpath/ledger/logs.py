"""What the ledger promises about the output of running steps: bounded, seen everywhere, soon gone.

What a step prints is its project's own words and may quote its rows, so it counts as personal data: it
leaves no event, is deleted for good, and whoever erases somebody asks for it by the runs that read of
them (`drop`). Once a step has ended its whole output is a blob of its run (tag `log`), and the pieces go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

KEPT_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """Consecutive bytes of what a run printed.

    Attributes:
        begins: Their place in the whole output; beyond what was asked for where older bytes are gone.
    """

    begins: int
    data: bytes

    @property
    def ends(self) -> int:
        """The place to go on from."""
        return self.begins + len(self.data)


class Logs(Protocol):
    """The output of steps that run, or died before it could be kept as a blob."""

    def append(self, parts: Mapping[str, LogPart]) -> None:
        """Add to the output of runs, by their ids. Of each run the newest 512 KiB are kept.

        A part that is there already (same run, same place) is left as it is.
        """
        ...

    def read(self, run_id: str, *, after: int = 0) -> LogPart | None:
        """Return what is kept from a place on, at most 512 KiB; None where nothing is kept at all."""
        ...

    def sizes(self) -> dict[str, int]:
        """Return how many bytes are kept of each run that something is kept of."""
        ...

    def drop(self, run_ids: Iterable[str]) -> int:
        """Delete all that is kept of these runs; return how many pieces that was."""
        ...

    def prune(self, before: datetime) -> int:
        """Delete pieces that were added before a time; return how many."""
        ...


__all__ = ["KEPT_BYTES", "LogPart", "Logs"]
