"""Writes the files of a version to a folder."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from towpath.assets.filesets.contract import CheckedOut
from towpath.assets.filesets.folders import Folder, is_folder, is_regular
from towpath.assets.filesets.listing import list_source
from towpath.assets.filesets.paths import check_path
from towpath.assets.filesets.patterns import PathPattern
from towpath.core.digests import digest_open
from towpath.core.errors import Conflict, NotFound, UsageError
from towpath.storage.files import clone_file, copy_file, disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import polars as pl

    from towpath.assets.filesets.contract import CheckoutMethod
    from towpath.storage.blobs import BlobStore

# What lies where a file belongs: bytes that are "stored" are some version's, and can be had again.
State = Literal["nothing", "same", "stored", "unknown", "folder"]
_THREADS = 4
_WHOLE = ".towpath-checkout-"
_MODE = 0o666  # the process's mask takes from it what it does not want


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file to have in the folder."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """What the caller wants; see `FileSetStore.checkout`."""

    folder: Path
    method: CheckoutMethod = "auto"
    prune: bool = False
    force: bool = False
    progress: Callable[[int, int], None] | None = None


def choose(rows: pl.DataFrame, only: str | None) -> list[Item]:
    """Return the files of a version that match a glob, checked to be able to lie beside each other.

    Raises:
        UsageError: A path can't be written.
        Conflict: A file's path is another one's folder.
    """
    glob = None if only is None else PathPattern.of_glob(only)
    columns = (rows[name].to_list() for name in ("path", "digest", "size_bytes"))
    items = [
        Item(path=check_path(path), digest=digest, size_bytes=size_bytes)
        for path, digest, size_bytes in sorted(zip(*columns, strict=True))
        if glob is None or glob.match(path) is not None
    ]
    paths = {item.path for item in items}
    for path in paths:
        above = path.rpartition("/")[0]
        while above:
            if above in paths:
                raise Conflict(
                    "one file's path is the folder of another one's",
                    remedy="Check out part of the version: --only 'PATTERN'.",
                )
            above = above.rpartition("/")[0]
    return items


class Checkout:
    """One checkout.

    Args:
        files: The area with the bytes.
        items: What to write.
        request: Where to, and how.
    """

    def __init__(self, files: BlobStore, items: Sequence[Item], request: CheckoutRequest) -> None:
        self._files = files
        self._items = items
        self._request = request
        self._method: CheckoutMethod = request.method

    def run(self) -> CheckedOut:
        """Write what is missing."""
        folder = self._request.folder
        with disk_errors(folder):
            if folder.exists() and not folder.is_dir():
                raise UsageError(f"{str(folder)!r} is not a folder", remedy="Give another one.")
            target = folder.resolve()
            if target.is_dir() and any(target.iterdir()):
                return self._into_existing(target)
            return self._whole(target)

    def _whole(self, target: Path) -> CheckedOut:
        """Build the folder beside its place, and move it there when it is complete."""
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{_WHOLE}{target.name}-"
        _sweep(target.parent, prefix)
        part = target.parent / f"{prefix}{secrets.token_hex(8)}"
        part.mkdir()
        with ExitStack() as held:
            fd = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.callback(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_EX)
            try:
                with Folder(part) as into:
                    self._write(into, self._items)
                    self._refuse_shared_names(into)
                part.rename(target)
            except OSError as error:
                shutil.rmtree(part, ignore_errors=True)
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    raise Conflict(
                        f"{str(target)!r} was filled by somebody else meanwhile",
                        remedy="Check out again to see what would be lost.",
                    ) from error
                raise
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
        return self._done(self._items)

    def _into_existing(self, target: Path) -> CheckedOut:
        with Folder(target) as into:
            for above in sorted({item.path.rpartition("/")[0] for item in self._items}):
                into.sweep(above)
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="compare") as pool:
                states = list(pool.map(partial(self._compare, into), self._items))
            pairs = list(zip(self._items, states, strict=True))
            if any(state == "folder" for state in states):
                raise Conflict(
                    "a folder lies where a file of the version belongs",
                    remedy="Remove it, or check out to another folder.",
                )
            extra = self._extra(target) if self._request.prune else []
            lost = states.count("unknown")
            lost += sum(not self._is_stored(into, path) for path in extra)
            if lost and not self._request.force:
                raise Conflict(
                    f"{lost} file{'s'[: lost != 1]} in {str(target)!r} would be lost",
                    remedy="Add them first, check out to another folder, or say --force.",
                    count=lost,
                )
            missing = [item for item, state in pairs if state != "same"]
            self._write(into, missing)
            for path in extra:
                into.remove(path)
        return replace(self._done(missing), removed=len(extra))

    def _write(self, into: Folder, items: Sequence[Item]) -> None:
        count = itertools.count(1)

        def put(item: Item) -> None:
            self._put(into, item)
            if self._request.progress is not None:
                self._request.progress(next(count), len(items))

        if items:
            put(items[0])  # settles which method is possible
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="checkout") as pool:
            list(pool.map(put, items[1:]))

    def _put(self, into: Folder, item: Item) -> None:
        with self._files.open_local(item.digest) as source:
            if self._method == "hardlink":
                self._link(into, item, source)
                return
            with source.open("rb") as opened:
                into.write(item.path, lambda fd: self._fill(opened.fileno(), fd), mode=_MODE)

    def _fill(self, source_fd: int, target_fd: int) -> None:
        if self._method in ("auto", "reflink"):
            if clone_file(source_fd, target_fd):
                self._method = "reflink"
                return
            if self._method == "reflink" and self._request.method == "reflink":
                raise UsageError(
                    "this folder can't share blocks with the stored files",
                    remedy="Use a file system that can (Btrfs, XFS), or method 'copy'.",
                )
            self._method = "copy"
        copy_file(source_fd, target_fd)

    def _link(self, into: Folder, item: Item, source: Path) -> None:
        try:
            into.link(item.path, source)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                raise
            raise UsageError(
                "this folder can't have hard links to the stored files",
                remedy="Check out on the disk that they are on, or use method 'copy'.",
            ) from error

    def _refuse_shared_names(self, into: Folder) -> None:
        """Notice paths that became one here, on a file system that ignores case or accents."""
        inodes = {
            (found.st_dev, found.st_ino) for item in self._items if (found := into.kind(item.path))
        }
        distinct = (
            len({item.digest for item in self._items}) if self._method == "hardlink" else None
        )
        if len(inodes) < (len(self._items) if distinct is None else distinct):
            raise Conflict(
                "two paths of the version are one name in this folder",
                remedy="Check out on a file system that tells upper from lower case.",
            )

    def _extra(self, target: Path) -> list[str]:
        """Return the files in the folder that the version does not have."""
        paths = {item.path for item in self._items}
        with suppress(NotFound):
            return [file.path for file in list_source(target).files if file.path not in paths]
        return []

    def _compare(self, into: Folder, item: Item) -> State:
        found = into.kind(item.path)
        if found is None:
            return "nothing"
        if not is_regular(found):
            return "folder" if is_folder(found) else "unknown"
        with into.reading(item.path) as fd:
            digest = digest_open(fd)
        if digest == item.digest:
            return "same"
        return "stored" if self._files.exists(digest) else "unknown"

    def _is_stored(self, into: Folder, path: str) -> bool:
        with into.reading(path) as fd:
            return self._files.exists(digest_open(fd))

    def _done(self, written: Sequence[Item]) -> CheckedOut:
        return CheckedOut(
            files=len(self._items),
            written=len(written),
            written_bytes=sum(item.size_bytes for item in written),
            removed=0,
            method="copy" if self._method == "auto" else self._method,
        )


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what killed checkouts left: nobody living holds the lock of such a folder."""
    for path in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(fd)
