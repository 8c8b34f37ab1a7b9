"""Which saved state each step would carry on from: the runner's side of `tp.checkpoint`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.build.capacity.checkpointing import AREA
from towpath.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.core.clock import Clock
    from towpath.ledger import Ledger, ResumePoint
    from towpath.storage.blobs import BlobStore

log = structlog.get_logger()
_PURGE = "checkpoint_purge"


class ResumePoints:
    """Keeps one saved state per step key. Thread-safe and process-safe.

    States may hold rows, or what was learnt from them. They are derived and never the only copy of
    anything: an erasure purges all of them, and steps start afresh.

    Args:
        ledger: Where it is written which state is a step's.
        blobs: The project's blob store.
        wall: Wall time.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, *, wall: Clock | None = None) -> None:
        self._ledger = ledger
        self._blobs = blobs.area(AREA)
        self._wall = wall or SystemClock()

    def find(self, key: str) -> str | None:
        """Return the digest of the state that a step would carry on from."""
        with self._ledger.read() as tx:
            point = tx.line.resume_point(key)
        return None if point is None else point.digest

    def keep(
        self, key: str, digest: str, size_bytes: int, *, attempt: str, began: datetime
    ) -> bool:
        """Let a step carry on from a state that it saved, and drop the one before.

        Args:
            key: Digest of the step's cache key.
            digest: The state's, which lies in the store.
            size_bytes: How long it is.
            attempt: Which attempt saved it.
            began: When that attempt began, by wall time.

        Returns:
            False if everything was purged since the attempt began: it read what is not to be read any
            more, and its state is dropped.
        """
        with self._ledger.write(actor="checkpoints") as tx:
            purge = tx.intents.find(_PURGE, AREA)
            is_stale = purge is not None and began.isoformat() <= purge.status["at"]
            before = tx.line.resume_point(key)
            if not is_stale:
                tx.line.set_resume_point(key, digest=digest, size_bytes=size_bytes, attempt=attempt)
        if is_stale:
            self._blobs.delete(digest)
            log.info("checkpoint.dropped", attempt=attempt)
        elif before is not None and before.digest != digest:
            self._blobs.delete(before.digest)
        return not is_stale

    def drop(self, keys: Sequence[str]) -> None:
        """Forget the states of steps that ended. One read where there are none."""
        with self._ledger.read() as tx:
            points = [point for key in keys if (point := tx.line.resume_point(key)) is not None]
        if not points:
            return
        with self._ledger.write(actor="checkpoints") as tx:
            tx.line.drop_resume_points([point.key for point in points])
        for point in points:
            self._blobs.delete(point.digest)

    def held(self) -> list[ResumePoint]:
        """Return every state that is kept, oldest first."""
        with self._ledger.read() as tx:
            return tx.line.resume_points()

    def purge(self) -> int:
        """Drop every state, those included that a crash left without a record; return how many.

        Attempts that run keep running, and what they save from now on is dropped: they may hold what
        was erased. Idempotent; killed anywhere, it is called again.
        """
        now = self._wall.now()
        with self._ledger.write(actor="checkpoints") as tx:
            tx.intents.put(_PURGE, AREA, project="", spec={}, due=False)
            tx.intents.report(_PURGE, AREA, status={"at": now.isoformat()})
            tx.line.drop_resume_points([point.key for point in tx.line.resume_points()])
        count = sum(self._blobs.delete(digest) for digest in list(self._blobs.walk()))
        log.info("checkpoints.purged", count=count)
        return count
