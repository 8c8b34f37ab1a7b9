"""Counts of sealed decisions in windows that monitors have yet to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.operate.monitoring.counted import WINDOWS, purge_counts
from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.finding import untold

if TYPE_CHECKING:
    from towpath.storage.blobs.contract import BlobStore
    from towpath.trace.erasure.copies.contract import About, FoundCopy

_WHOSE = "counts over many people, which do not say whose they are"


class WindowCounts:
    """See `Copies`. Whom a count is about can't be told from it, so all of them go.

    Monitors count again, from what the decision log has left. One that does so before the log is
    rewritten counts files that are about to be replaced, and finds counts by the file's digest: those are
    never used again, and deleted with its next step.
    """

    kind = "window_counts"

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def held(self, about: About) -> list[HeldCopy]:
        """Return all that are kept now, together."""
        del about
        count = sum(1 for _ in self._blobs.area(WINDOWS).walk())
        return [HeldCopy(kind=self.kind, name="monitors", count=count)] if count else []

    def find(self, about: About) -> list[FoundCopy]:
        """Return all that are kept: counts name nobody."""
        return untold(self.held(about), _WHOSE)

    def erase(self, about: About) -> None:
        """Delete the counts of every window that is open."""
        del about
        purge_counts(self._blobs)

    def beyond(self, about: About) -> list[str]:
        """Return nothing: counts lie in the blob store."""
        del about
        return []
