"""States that long steps saved, to go on from: what they made of the rows they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.finding import untold

if TYPE_CHECKING:
    from towpath.build.capacity import ResumePoints
    from towpath.trace.erasure.copies.contract import About, FoundCopy

_WHOSE = "what long computations keep to go on from; whose rows made them can not be told"


class SavedStates:
    """See `Copies`. What a state was made of can't be told from it, so all of them go."""

    kind = "saved_states"

    def __init__(self, points: ResumePoints) -> None:
        self._points = points

    def held(self, about: About) -> list[HeldCopy]:
        """Return all that are kept now, together."""
        del about
        kept = self._points.held()
        if not kept:
            return []
        size_bytes = sum(point.size_bytes for point in kept)
        return [
            HeldCopy(kind=self.kind, name="checkpoints", count=len(kept), size_bytes=size_bytes)
        ]

    def find(self, about: About) -> list[FoundCopy]:
        """Return all that are kept: whose rows made them can not be told."""
        return untold(self.held(about), _WHOSE)

    def erase(self, about: About) -> None:
        """Delete every state; the steps begin afresh, and what is running can't bring one back."""
        del about
        self._points.purge()

    def beyond(self, about: About) -> list[str]:
        """Return nothing: states lie in the blob store."""
        del about
        return []
