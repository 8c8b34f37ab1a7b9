"""Small blobs that are held in memory until they are needed on disk: synced together, not in turn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from towpath.core.digests import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence
    from pathlib import Path

    from towpath.storage.blobs import BlobStore

_SMALL_BYTES = 256 << 10
_THREADS = 8


class HeldBlobs:
    """A blob store in front of another. See `BlobStore`; not thread-safe.

    What inline steps return is some bytes each, and a disk takes a few milliseconds to promise that it
    has them, however few. So small blobs are kept here until `flush`, which puts all of them at once,
    side by side. Until then they are lost with the process: record nothing that names one before.

    Args:
        inner: The store.
    """

    def __init__(self, inner: BlobStore) -> None:
        self._inner = inner
        self._held: dict[str, bytes] = {}
        self._pool: ThreadPoolExecutor | None = None

    def flush(self) -> None:
        """Put what is held into the store; once this returns it is as durable as `put` makes it."""
        held = list(self._held.values())
        if len(held) == 1:
            self._inner.put(held[0])
        elif held:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="flush")
            list(self._pool.map(self._inner.put, held))
        self._held.clear()

    def close(self) -> None:
        """Give its threads back; what is still held is lost."""
        self._held.clear()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def put(self, data: bytes | memoryview) -> str:
        """Hold a small blob; put a large one."""
        if memoryview(data).nbytes > _SMALL_BYTES:
            return self._inner.put(data)
        digest = digest_bytes(data)
        if not self._inner.exists(digest):
            self._held[digest] = bytes(data)
        return digest

    def put_file(self, path: Path) -> str:
        """See `BlobStore.put_file`."""
        return self._inner.put_file(path)

    def put_files(
        self, paths: Sequence[Path], *, announce: Callable[[Sequence[str]], None]
    ) -> list[str]:
        """See `BlobStore.put_files`."""
        return self._inner.put_files(paths, announce=announce)

    def area(self, name: str) -> HeldBlobs:
        """See `BlobStore.area`; flushed by itself."""
        return HeldBlobs(self._inner.area(name))

    def get(self, digest: str) -> bytes:
        """See `BlobStore.get`."""
        held = self._held.get(digest)
        return self._inner.get(digest) if held is None else held

    @contextmanager
    def open_local(self, digest: str) -> Generator[Path]:
        """See `BlobStore.open_local`; what is held goes to disk first."""
        if digest in self._held:
            self._inner.put(self._held.pop(digest))
        with self._inner.open_local(digest) as path:
            yield path

    def location(self, digest: str) -> str:
        """See `BlobStore.location`."""
        return self._inner.location(digest)

    def exists(self, digest: str) -> bool:
        """See `BlobStore.exists`."""
        return digest in self._held or self._inner.exists(digest)

    def missing(self, digests: Collection[str]) -> set[str]:
        """See `BlobStore.missing`."""
        return self._inner.missing([one for one in digests if one not in self._held])

    def size_bytes(self, digest: str) -> int:
        """See `BlobStore.size_bytes`."""
        held = self._held.get(digest)
        return self._inner.size_bytes(digest) if held is None else len(held)

    def delete(self, digest: str) -> bool:
        """See `BlobStore.delete`."""
        return self._held.pop(digest, None) is not None or self._inner.delete(digest)

    def walk(self) -> Iterator[str]:
        """See `BlobStore.walk`."""
        self.flush()
        return self._inner.walk()
