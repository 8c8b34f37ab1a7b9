"""Appends records to this process's own segment: one flush to disk for all that wait for it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from concurrent.futures import Future
from contextlib import suppress
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Final

import structlog

from towpath.core.errors import InfrastructureError, Overloaded, StorageFull, TowpathError
from towpath.core.ids import new_id
from towpath.operate.decisions.directory import SegmentDirectory, seal
from towpath.operate.decisions.frames import HEADER

if TYPE_CHECKING:
    from pathlib import Path

_log = structlog.get_logger()

_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_IDLE_S: Final = 0.05
_FULL_BYTES: Final = 4 << 20
"""So much goes to disk without lingering: under load it would be the largest part of a gateway's memory."""


class SegmentWriter:
    """Group commit for one process. Thread-safe; `append` never waits for the disk.

    Everything appended while the previous flush was under way goes out with the next: one write, one
    fdatasync, one future that all of them share. A failed write fails exactly the records in it, cuts
    them off again and seals the segment before them, so a record whose future raised is not found later
    and the next append begins a fresh segment.

    Args:
        directory: The folder of raw segments.
        rotate_bytes: Seal the segment when it has grown to this size …
        rotate_s: … or this old.
        linger_s: How long records that nobody waits for may stay unflushed.
        max_pending_bytes: Refuse more (`Overloaded`) when this much waits for the disk.
    """

    def __init__(
        self,
        directory: SegmentDirectory,
        *,
        rotate_bytes: int = 32 << 20,
        rotate_s: float = 30.0,
        linger_s: float = 0.5,
        max_pending_bytes: int = 64 << 20,
    ) -> None:
        self._directory = directory
        self._rotate_bytes = rotate_bytes
        self._rotate_s = rotate_s
        self._linger_s = linger_s
        self._max_pending_bytes = max_pending_bytes
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._batch = _Batch()
        self._closing = False
        self._segment: _OpenSegment | None = None
        self._mark = directory.rotation_mark()
        self._thread = Thread(target=self._run, name="decision-writer", daemon=True)
        self._thread.start()

    def append(self, frames: bytes, *, urgent: bool = True) -> Future[None]:
        """Queue whole frames; the future is done once they are on disk.

        The future is shared by all records of one flush: don't cancel it.

        Args:
            frames: One or more frames; they reach the disk in the same write.
            urgent: Flush at once. Otherwise within `linger_s`, with the next urgent record, or once some
                megabytes wait.

        Raises:
            Overloaded: The disk doesn't keep up, or the writer was closed.
        """
        with self._lock:  # the condition's own, without its detour: this is once per request
            if self._closing:
                raise Overloaded("the decision log is shutting down", remedy="Try again.")
            batch = self._batch
            if batch.size_bytes + len(frames) > self._max_pending_bytes:
                raise Overloaded(
                    "decisions arrive faster than the disk takes them",
                    remedy="Send fewer at a time, or put the decision log on a faster disk.",
                    pending_bytes=batch.size_bytes,
                )
            is_first = not batch.frames
            batch.frames.append(frames)
            batch.size_bytes += len(frames)
            urgent = urgent or batch.size_bytes >= _FULL_BYTES
            if is_first or (urgent and not batch.urgent):
                batch.urgent = batch.urgent or urgent
                self._changed.notify()
            return batch.done

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait until everything appended before is on disk. Raises what its writing raised."""
        self.append(b"").result(timeout_s)

    def close(self) -> None:
        """Flush, seal the segment and stop. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        """Take batches and write them, and rotate in between, until closed."""
        closing = False
        while not closing:
            # Read before the batch is taken: what was appended before a request to rotate is then
            # in the segment that the request seals, or in an earlier one.
            mark = self._directory.rotation_mark()
            batch, closing = self._next_batch()
            if batch is not None:
                self._commit(batch)
            segment = self._segment
            if segment is not None and (closing or mark != self._mark or self._outgrown(segment)):
                self._seal(segment)
            self._mark = mark

    def _next_batch(self) -> tuple[_Batch | None, bool]:
        """Wait for a batch worth writing, at most until it is time to look around."""
        with self._changed:
            if not self._batch.urgent and not self._closing:
                # Without a segment there is nothing to flush or to seal until a record comes.
                is_empty = self._segment is None and not self._batch.frames
                self._changed.wait(None if is_empty else _IDLE_S)
            batch = self._batch
            if not batch.frames:
                return None, self._closing
            age_s = time.monotonic() - batch.begun
            if not batch.urgent and not self._closing and age_s < self._linger_s:
                return None, False
            self._batch = _Batch()
            return batch, self._closing

    def _commit(self, batch: _Batch) -> None:
        """Write one batch and settle its future."""
        try:
            data = b"".join(batch.frames)
            if data:
                if self._segment is None:
                    self._segment = _OpenSegment(self._directory)
                self._segment.append(data)
        except OSError as error:
            self._abandon()
            batch.done.set_exception(_as_error(error))
            with suppress(OSError):  # our own log may well lie on the disk that is full
                _log.error("decisions.unwritten", reason=error.strerror, errno=error.errno)
        except Exception as error:  # noqa: BLE001 - the waiters must hear of whatever it was
            self._abandon()
            batch.done.set_exception(error)
        else:
            batch.done.set_result(None)

    def _outgrown(self, segment: _OpenSegment) -> bool:
        """Tell whether the segment is due to be sealed."""
        age_s = time.monotonic() - segment.begun
        return segment.size_bytes >= self._rotate_bytes or age_s >= self._rotate_s

    def _seal(self, segment: _OpenSegment) -> None:
        """Seal the segment; the next record begins another."""
        self._segment = None
        try:
            segment.seal()
        except OSError as error:
            # It stays as it is; its lock is gone, so recovery seals it.
            _log.warning("segment.unsealed", segment=segment.id, reason=error.strerror)

    def _abandon(self) -> None:
        """Cut off what a failed write left, and seal what was good."""
        segment, self._segment = self._segment, None
        if segment is not None:
            with suppress(OSError):
                segment.truncate()
            self._seal(segment)


class _Batch:
    """Records that go to disk together."""

    __slots__ = ("begun", "done", "frames", "size_bytes", "urgent")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.size_bytes = 0
        self.urgent = False
        self.begun = time.monotonic()
        self.done: Future[None] = Future()


class _OpenSegment:
    """The file being appended to, locked for as long as this process lives."""

    def __init__(self, directory: SegmentDirectory) -> None:
        self.id = new_id()
        self.begun = time.monotonic()
        self.size_bytes = 0
        self._path: Path = directory.path / f"{self.id}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._write(HEADER)
            os.fsync(self._descriptor)
            self._path = self._path.rename(self._path.with_suffix(".open"))
            directory.sync()
        except OSError:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            raise

    def append(self, data: bytes) -> None:
        """Write and flush; counts as appended only when both succeeded."""
        self._write(data)
        os.fdatasync(self._descriptor)
        self.size_bytes += len(data)

    def truncate(self) -> None:
        """Return to the last flushed byte."""
        os.ftruncate(self._descriptor, len(HEADER) + self.size_bytes)
        os.fsync(self._descriptor)

    def seal(self) -> None:
        """Give the file its final name and let go of it; without a record it is removed."""
        try:
            if self.size_bytes:
                seal(self._path)
            else:
                self._path.unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def _as_error(error: OSError) -> TowpathError:
    """Put a failed write into words."""
    if error.errno in _FULL:
        return StorageFull(
            "the disk that holds the decision log is full",
            remedy="Free space there; nothing of this batch was kept.",
        )
    return InfrastructureError(
        f"the decision log could not be written ({error.strerror})",
        remedy="Check the disk that holds it; nothing of this batch was kept.",
        errno=error.errno,
    )
