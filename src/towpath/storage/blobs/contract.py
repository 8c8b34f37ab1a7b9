"""What a blob store promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Self


class BlobStore(Protocol):
    """Immutable bytes named by the SHA-256 of their content.

    Every blob is written whole or not at all: a reader never sees part of one, and a crash leaves at
    worst an unnamed temporary file that the next start sweeps. Writing what is already there is free
    and harmless. All methods are thread-safe and process-safe.

    Reads check content against name. Bytes that no longer match raise `CorruptBlob`, which names the
    digest; a blob that is absent raises `NotFound`. A full disk raises `StorageFull`; a store that
    can't be reached raises `Unavailable`. Nothing else escapes.
    """

    def put(self, data: bytes | memoryview) -> str:
        """Store `data` durably (fsync or its equal) and return its digest."""
        ...

    def put_file(self, path: Path) -> str:
        """Store a local file's bytes, in constant memory, and return the digest. The file stays."""
        ...

    def put_files(
        self, paths: Sequence[Path], *, announce: Callable[[Sequence[str]], None]
    ) -> list[str]:
        """Store the bytes of several local files, in constant memory, on a few threads.

        `announce` is called once, with the digests in the order of the paths, when every file has
        been read and before the first can be found by its name: whoever keeps a record of what may
        exist writes it there. If it raises, nothing is stored. Folders are synced once per call, so a
        batch of small files costs far less than as many `put_file`s. Holds an open file per path:
        keep batches to a few hundred.

        Raises:
            Conflict: A file changed between being read and being sent to a remote store.
        """
        ...

    def area(self, name: str) -> Self:
        """Return the part of this store under `name`, whose blobs are apart from all others.

        The same bytes in two areas are two blobs: `exists`, `delete` and `walk` see one area alone,
        so each can have an owner that lets go of its blobs without asking anybody else.
        """
        ...

    def get(self, digest: str) -> bytes:
        """Return the whole blob, verified."""
        ...

    def open_local(self, digest: str) -> AbstractContextManager[Path]:
        """Give a local path whose bytes are the blob's, verified on first use, for mmap and scans.

        On disk it is the blob itself (read-only); from a remote store it is a cached download that
        lives at least as long as the context.
        """
        ...

    def location(self, digest: str) -> str:
        """Return the URL (`file:///…`, `s3://…`) at which other programs find the blob, to read only.

        Nothing is checked, neither that it is there nor its bytes, and a URL carries no credentials.
        """
        ...

    def exists(self, digest: str) -> bool:
        """Tell whether the blob is there, without reading it."""
        ...

    def missing(self, digests: Collection[str]) -> set[str]:
        """Return which of these blobs are not there: `exists` for many at once.

        On disk a look at each; a remote store is asked on several threads, so that many answers cost
        hardly more time than a few.
        """
        ...

    def size_bytes(self, digest: str) -> int:
        """Return the blob's length."""
        ...

    def delete(self, digest: str) -> bool:
        """Remove the blob and any local copy. Return False where it was not there."""
        ...

    def walk(self) -> Iterator[str]:
        """Yield the digest of every blob held, in no particular order."""
        ...
