"""Makes the bytes of files be there, reading as few of them as can be."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from towpath.assets.filesets.contract import AddProgress
from towpath.assets.filesets.listing import stat_of
from towpath.core.digests import digest_file
from towpath.core.errors import Conflict
from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from towpath.assets.datasets.suppression import Suppression
    from towpath.assets.filesets.announcing import Announcement
    from towpath.assets.filesets.listing import SourceFile
    from towpath.assets.filesets.statcache import StatCache
    from towpath.storage.blobs import BlobStore

_FILES_AT_ONCE = 256
_BYTES_AT_ONCE = 256 << 20
_TRIES = 3
_THREADS = 4
_SAVE_EVERY_S = 30.0


@dataclass(slots=True, kw_only=True)
class Known:
    """What is known of the files by now, over all attempts of one add.

    Attributes:
        files: The files by path, as they were when last looked at.
        digests: What they hold, for those that were read or that the stat cache vouches for.
        size_bytes: Bytes of those.
        read: Those that had to be read.
    """

    files: dict[str, SourceFile]
    digests: dict[str, str] = field(default_factory=dict[str, str])
    size_bytes: int = 0
    read: set[str] = field(default_factory=set[str])

    @property
    def read_bytes(self) -> int:
        """Bytes of the files that had to be read."""
        return sum(self.files[path].stat.size_bytes for path in self.read)

    def learn(self, path: str, digest: str) -> None:
        """Take note of what a file holds."""
        if path not in self.digests:
            self.size_bytes += self.files[path].stat.size_bytes
        self.digests[path] = digest


class Hashing:
    """Finds the digests of files without storing anything.

    Args:
        cache: What is remembered from earlier adds.
        known: What is found is added here.
        progress: Told now and then.
    """

    def __init__(
        self, cache: StatCache, known: Known, progress: Callable[[AddProgress], None] | None
    ) -> None:
        self._cache = cache
        self._known = known
        self._progress = progress
        self._total_bytes = sum(file.stat.size_bytes for file in known.files.values())

    def recall(self) -> None:
        """Take the digests that the stat cache vouches for."""
        for path, file in self._known.files.items():
            digest = self._cache.digest_of(file)
            if digest is not None:
                self._known.learn(path, digest)

    def read(self, paths: Iterable[str]) -> None:
        """Read files, on a few threads, each in constant memory.

        Raises:
            Conflict: One of them did not hold still.
        """
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="hash") as pool:
            for batch in self.batches(paths):
                self.read_by(batch, lambda some: list(pool.map(_digest, some)))

    def read_by(self, batch: list[str], reader: Callable[[list[Path]], list[str]]) -> None:
        """Read one batch by some means, as often as a file changes meanwhile; keep the digests."""
        for _ in range(_TRIES):
            began_ns = time.time_ns()
            digests = reader([Path(self._known.files[path].location) for path in batch])
            batch = self._keep(batch, digests, began_ns)
            if not batch:
                return
        raise Conflict(
            f"{len(batch)} files changed while they were read, {_TRIES} times over",
            remedy="Add again when nobody writes to them.",
            count=len(batch),
        )

    def batches(self, paths: Iterable[str]) -> Iterator[list[str]]:
        """Cut paths into batches of a few hundred files or 256 MiB, and tell how far they are."""
        batch: list[str] = []
        size_bytes = 0
        for path in paths:
            length = self._known.files[path].stat.size_bytes
            if batch and (len(batch) >= _FILES_AT_ONCE or size_bytes + length > _BYTES_AT_ONCE):
                yield batch
                self.tell()
                batch, size_bytes = [], 0
            batch.append(path)
            size_bytes += length
        if batch:
            yield batch
            self.tell()

    def tell(self) -> None:
        """Report how far it is."""
        if self._progress is not None:
            self._progress(
                AddProgress(
                    files_done=len(self._known.digests),
                    files=len(self._known.files),
                    size_bytes_done=self._known.size_bytes,
                    size_bytes=self._total_bytes,
                )
            )

    def _keep(self, batch: list[str], digests: list[str], began_ns: int) -> list[str]:
        """Take note of what was read, and return the files that changed meanwhile."""
        moved: list[str] = []
        for path, digest in zip(batch, digests, strict=True):
            file = self._known.files[path]
            now = stat_of(file.location)
            self._known.read.add(path)
            if now == file.stat:
                self._known.learn(path, digest)
                self._cache.remember(file, digest, read_from_ns=began_ns)
            elif now is None:
                raise Conflict(
                    "a file was removed while it was read",
                    remedy="Add again when nobody does that.",
                )
            else:
                self._known.files[path] = file._replace(stat=now)
                moved.append(path)
        return moved


class Storing:
    """Stores what is not stored yet. Every attempt of an add calls `store` anew.

    Args:
        files: The area that the bytes go to.
        announcement: The record of the add.
        cache: Saved now and then, so that a killed add need not read everything again.
        hashing: Reads.
        known: What is known of the files.
    """

    def __init__(
        self,
        files: BlobStore,
        announcement: Announcement,
        cache: StatCache,
        hashing: Hashing,
        known: Known,
    ) -> None:
        self._files = files
        self._announcement = announcement
        self._cache = cache
        self._hashing = hashing
        self._known = known
        self._saved_at = time.monotonic()

    def store(
        self, paths: list[str], before: Mapping[str, tuple[str, int]], chosen_by: Suppression
    ) -> None:
        """Return when the digest of every path is known and its bytes are announced and there.

        Args:
            paths: The paths.
            before: Path to digest and length in the version that is added to. Its bytes are there,
                and stay there as long as that version is the latest.
            chosen_by: The suppression list by which the paths were chosen.

        Raises:
            Overtaken: The list grew, or the add was taken for dead.
        """
        there = {digest for digest, _ in before.values()}
        unread = [path for path in paths if path not in self._known.digests]
        # What nobody is known to have written to is probably the same: look before copying it.
        self._hashing.read([path for path in unread if self._looks_same(path, before)])
        missing = [path for path in unread if path not in self._known.digests]
        known = [path for path in paths if path in self._known.digests]
        missing += self._not_there(known, there, chosen_by)
        for batch in self._hashing.batches(missing):
            self._put(batch, chosen_by)

    def _looks_same(self, path: str, before: Mapping[str, tuple[str, int]]) -> bool:
        file = self._known.files[path]
        same_size = path in before and before[path][1] == file.stat.size_bytes
        return same_size and not self._cache.was_other(file)

    def _not_there(self, paths: list[str], there: set[str], chosen_by: Suppression) -> list[str]:
        """Return the paths whose digests are known and whose bytes have to be stored."""
        digests = {path: self._known.digests[path] for path in paths}
        wanted = {digest for digest in digests.values() if digest not in there}
        if not wanted:
            return []
        with self._announcement.batch(chosen_by) as announce:
            announce(wanted)
        absent = {digest for digest in wanted if not self._files.exists(digest)}
        return [path for path, digest in digests.items() if digest in absent]

    def _put(self, batch: list[str], chosen_by: Suppression) -> None:
        with self._announcement.batch(chosen_by) as announce:
            self._hashing.read_by(
                batch, lambda some: self._files.put_files(some, announce=announce)
            )
        if time.monotonic() - self._saved_at > _SAVE_EVERY_S:
            self._cache.save()
            self._saved_at = time.monotonic()


def _digest(path: Path) -> str:
    with disk_errors(path):
        return digest_file(path)
