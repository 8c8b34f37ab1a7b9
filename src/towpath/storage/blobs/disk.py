"""Blobs as read-only files on a local disk: `<root>/sha256/ab/<64 hex>`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from os.path import isfile
from typing import TYPE_CHECKING

from towpath.core.digests import digest_bytes, digest_file, digest_open
from towpath.core.refs import check_name
from towpath.storage.blobs.naming import absent, check_digest, corrupt, is_digest
from towpath.storage.files import clone_file, disk_errors, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence
    from pathlib import Path

_COPY_BYTES = 1 << 20
_THREADS = 4


class DiskBlobStore:
    """A folder of content-addressed files.

    A blob is written to a temporary file, synced, and *linked* to its name, which either happens or
    does not; the folder is synced before `put` returns. A writer holds a lock on its temporary file,
    so opening the store can tell the leftovers of a killed process from work in progress.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._blobs = self._root / "sha256"
        self._unfinished = self._root / "unfinished"
        # Digest to (inode, size, mtime) as last verified: a file changed behind our back is reread.
        self._verified: dict[str, tuple[int, int, int]] = {}
        with disk_errors(self._root):
            self._blobs.mkdir(parents=True, exist_ok=True)
            self._unfinished.mkdir(exist_ok=True)
            self._sweep()

    def put(self, data: bytes | memoryview) -> str:
        """See `BlobStore.put`."""
        digest = digest_bytes(data)
        size_bytes = memoryview(data).nbytes
        with disk_errors(self._root):
            if not self._holds(digest, size_bytes):
                with self._temporary() as (fd, temporary):
                    _write_all(fd, memoryview(data).cast("B"))
                    self._publish(fd, temporary, digest)
                    sync_folder(self._path(digest).parent)
        return digest

    def put_file(self, path: Path) -> str:
        """See `BlobStore.put_file`; hashes while it copies."""
        with (
            disk_errors(self._root),
            self._temporary() as (fd, temporary),
        ):
            digest = _take(path, fd)
            if not self._holds(digest, os.fstat(fd).st_size):
                self._publish(fd, temporary, digest)
                sync_folder(self._path(digest).parent)
        return digest

    def put_files(
        self, paths: Sequence[Path], *, announce: Callable[[Sequence[str]], None]
    ) -> list[str]:
        """See `BlobStore.put_files`; hashes while it copies."""

        def publish(digest: str, held: tuple[int, Path]) -> None:
            if not self._holds(digest, os.fstat(held[0]).st_size):
                self._publish(*held, digest)

        with (
            disk_errors(self._root),
            ExitStack() as stack,
            ThreadPoolExecutor(_THREADS, thread_name_prefix="put") as pool,
        ):
            held = [stack.enter_context(self._temporary()) for _ in paths]
            digests = list(pool.map(_take, paths, (fd for fd, _ in held)))
            announce(digests)
            list(pool.map(publish, digests, held))
            list(pool.map(sync_folder, {self._path(digest).parent for digest in digests}))
        return digests

    def area(self, name: str) -> DiskBlobStore:
        """See `BlobStore.area`; a folder of its own."""
        return DiskBlobStore(self._root / check_name(name, "area"))

    def get(self, digest: str) -> bytes:
        """See `BlobStore.get`."""
        with disk_errors(self._root):
            try:
                data = self._path(digest).read_bytes()
            except FileNotFoundError as error:
                raise absent(digest) from error
        if digest_bytes(data) != digest:
            raise corrupt(digest)
        return data

    @contextmanager
    def open_local(self, digest: str) -> Generator[Path]:
        """See `BlobStore.open_local`; the path is the blob itself."""
        yield self._verified_path(digest)

    def location(self, digest: str) -> str:
        """See `BlobStore.location`."""
        return f"file://{self._path(digest)}"

    def exists(self, digest: str) -> bool:
        """See `BlobStore.exists`."""
        return self._path(digest).is_file()

    def missing(self, digests: Collection[str]) -> set[str]:
        """See `BlobStore.missing`."""
        # Text instead of a Path for each: making one costs several times what the look does.
        root = str(self._blobs)
        return {
            digest
            for digest in digests
            if not isfile(f"{root}/{check_digest(digest)[:2]}/{digest}")  # noqa: PTH113  the comment above
        }

    def size_bytes(self, digest: str) -> int:
        """See `BlobStore.size_bytes`."""
        with disk_errors(self._root):
            try:
                return self._path(digest).stat().st_size
            except FileNotFoundError as error:
                raise absent(digest) from error

    def delete(self, digest: str) -> bool:
        """See `BlobStore.delete`."""
        path = self._path(digest)
        self._verified.pop(digest, None)
        with disk_errors(self._root):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            sync_folder(path.parent)
        return True

    def walk(self) -> Iterator[str]:
        """See `BlobStore.walk`."""
        with disk_errors(self._root):
            for shard in sorted(self._blobs.iterdir()):
                for path in sorted(shard.iterdir()):
                    if is_digest(path.name):
                        yield path.name

    def _path(self, digest: str) -> Path:
        return self._blobs / check_digest(digest)[:2] / digest

    def _holds(self, digest: str, size_bytes: int) -> bool:
        """Tell whether the blob is there; one of another length is damaged and gets replaced."""
        try:
            return self._path(digest).stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def _verified_path(self, digest: str) -> Path:
        path = self._path(digest)
        with disk_errors(self._root):
            try:
                stat = path.stat()
                seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
                if self._verified.get(digest) == seen:
                    return path
                actual = digest_file(path)
            except FileNotFoundError as error:
                raise absent(digest) from error
        if actual != digest:
            raise corrupt(digest)
        self._verified[digest] = seen
        return path

    @contextmanager
    def _temporary(self) -> Generator[tuple[int, Path]]:
        """Yield a fresh, locked file that is gone (or has been published) afterwards."""
        fd, path = self._open_temporary()
        try:
            yield fd, path
        finally:
            with suppress(FileNotFoundError):
                path.unlink()
            os.close(fd)

    def _open_temporary(self) -> tuple[int, Path]:
        while True:
            path = self._unfinished / secrets.token_hex(16)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                return fd, path
            os.close(fd)  # another process's sweep came between the two calls

    def _publish(self, fd: int, temporary: Path, digest: str) -> None:
        """Give a finished file its name; the caller syncs the folder that it is in now."""
        os.fchmod(fd, 0o444)
        os.fsync(fd)
        path = self._path(digest)
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True)
            sync_folder(self._blobs)
        try:
            os.link(temporary, path)
        except FileExistsError:
            # Another writer was faster with the same bytes, or the one there is damaged.
            temporary.replace(path)

    def _sweep(self) -> None:
        """Remove what killed writers left: nobody living holds the lock of such a file."""
        for path in self._unfinished.iterdir():
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _take(source: Path, fd: int) -> str:
    """Copy a file's bytes into an open one and return their digest."""
    hasher = hashlib.sha256()
    with source.open("rb") as file:
        if clone_file(file.fileno(), fd):
            return digest_open(fd)
        while chunk := file.read(_COPY_BYTES):
            hasher.update(chunk)
            _write_all(fd, memoryview(chunk))
    return hasher.hexdigest()


def _write_all(fd: int, data: memoryview) -> None:
    while data.nbytes:
        data = data[os.write(fd, data) :]
