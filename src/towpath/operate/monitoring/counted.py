"""Counts of sealed files, so that a window's end does not read the window's rows again.

They are derived data about a window that is still open: kept in an area of the blob store, named by the
monitor's status, and deleted when the window is judged. A file's counts are found by the file's digest,
so what an erasure or a compaction replaces is never used again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from towpath.core.errors import NotFound
from towpath.operate.monitoring.counts import WindowCounts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from towpath.storage.blobs.contract import BlobStore

WINDOWS: Final = "windows"
"""The area of the blob store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedFiles:
    """Which files of an open window were counted.

    Attributes:
        area: Where the counts are.
        blob_of: File's digest to that of its counts.
    """

    area: BlobStore
    blob_of: Mapping[str, str]

    def read(self) -> dict[str, WindowCounts]:
        """Return the counts by file; those that are gone are left out, and counted again."""
        found: dict[str, WindowCounts] = {}
        for digest, blob in self.blob_of.items():
            try:
                found[digest] = WindowCounts.decode(self.area.get(blob))
            except NotFound:  # an erasure deleted it
                continue
        return found

    def keep(
        self, still_there: Collection[str], fresh: Mapping[str, WindowCounts]
    ) -> dict[str, str]:
        """Store the counts of more files; return all that are counted now. Deletes nothing."""
        kept = {digest: self.blob_of[digest] for digest in still_there}
        stored = {digest: self.area.put(counts.encode()) for digest, counts in fresh.items()}
        return kept | stored

    def drop(self, but: Collection[str] = ()) -> None:
        """Delete the counts, but for those blobs. Idempotent.

        Another monitor that counted the same rows alike may miss its own; it counts them again.
        """
        for blob in set(self.blob_of.values()) - set(but):
            self.area.delete(blob)


def purge_counts(blobs: BlobStore) -> int:
    """Delete all counts of all windows that are open, and return how many there were.

    What an erasure calls. Monitors count again what the log has left.
    """
    area = blobs.area(WINDOWS)
    held = list(area.walk())
    for blob in held:
        area.delete(blob)
    return len(held)
