"""A folder that files are written to, and that nothing written can lead out of.

Every step down is taken from an open folder, by name, without following symbolic links (`openat` with
`O_NOFOLLOW`): neither a path from a version nor a link that somebody puts there meanwhile reaches
anything outside.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from towpath.assets.filesets.paths import check_path
from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path
    from typing import Self

_UNFINISHED = ".towpath-unfinished-"
_FOLDERS_OPEN_MOST = 64
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """An open folder. Thread-safe; close it by leaving its block.

    Args:
        path: The folder; itself it may be reached through links.
    """

    def __init__(self, path: Path) -> None:
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}

    def kind(self, path: str) -> os.stat_result | None:
        """Return what lies at a path, links not followed; None for nothing.

        Raises:
            Conflict: Something that is not a folder is in the way to it.
        """
        with self._parent(path, create=False) as (parent, name):
            if parent is None:
                return None
            try:
                return os.stat(name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                return None

    @contextmanager
    def reading(self, path: str) -> Generator[int]:
        """Give the open file at a path; a link there is an `OSError`."""
        with self._parent(path, create=False) as (parent, name):
            if parent is None:
                raise FileNotFoundError(path)
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            yield fd
        finally:
            os.close(fd)

    def write(self, path: str, fill: Callable[[int], None], *, mode: int) -> None:
        """Put a file at a path atomically, in place of whatever file or link is there.

        Args:
            path: Where to; folders on the way are made.
            fill: Writes the bytes to an open, empty file.
            mode: Permissions, before the process's mask.
        """
        with self._parent(path, create=True) as (parent, name):
            unfinished = _UNFINISHED + secrets.token_hex(8)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(unfinished, flags, mode, dir_fd=parent)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                fill(fd)
                os.replace(unfinished, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=parent)
                raise
            finally:
                os.close(fd)

    def link(self, path: str, source: Path) -> None:
        """Put a hard link to a file at a path, atomically."""
        with self._parent(path, create=True) as (parent, name):
            unfinished = _UNFINISHED + secrets.token_hex(8)
            os.link(source, unfinished, dst_dir_fd=parent, follow_symlinks=False)
            try:
                os.replace(unfinished, name, src_dir_fd=parent, dst_dir_fd=parent)
            finally:
                # Renaming one link of a file onto another of the same file leaves both.
                with suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=parent)

    def remove(self, path: str) -> None:
        """Delete the file at a path, and the folders that are empty then."""
        with self._parent(path, create=False) as (parent, name):
            if parent is not None:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=parent)
        above = path.rpartition("/")[0]
        while above:
            self._forget(above)
            with self._parent(above, create=False) as (parent, name):
                if parent is None:
                    return
                try:
                    os.rmdir(name, dir_fd=parent)
                except OSError:
                    return
            above = above.rpartition("/")[0]

    def sweep(self, folder: str = "") -> None:
        """Delete what killed writers left in a folder: nobody living holds the lock of such a file."""
        with self._parent(f"{folder}/x" if folder else "x", create=False) as (parent, _):
            names = [] if parent is None else os.listdir(parent)  # noqa: PTH208 -- a path could be led astray
            for name in (one for one in names if one.startswith(_UNFINISHED)):
                with suppress(OSError):
                    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
                    try:
                        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(name, dir_fd=parent)
                    finally:
                        os.close(fd)

    def close(self) -> None:
        """Close every folder that is held open."""
        with self._lock:
            for fd in (*self._open.values(), self._root):
                os.close(fd)
            self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _parent(self, path: str, *, create: bool) -> Generator[tuple[int | None, str]]:
        """Give the open folder that a path lies in (None if it is not there) and the last name."""
        above, _, name = check_path(path).rpartition("/")
        with self._lock:
            held = self._descend(above, create=create)
            fd = None if held is None else os.dup(held)
        try:
            yield fd, name
        finally:
            if fd is not None:
                os.close(fd)

    def _descend(self, folder: str, *, create: bool) -> int | None:
        if not folder:
            return self._root
        if folder in self._open:
            return self._open[folder]
        above, _, name = folder.rpartition("/")
        parent = self._descend(above, create=create)
        if parent is None:
            return None
        if create:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
        try:
            fd = os.open(name, _OPEN_FOLDER, dir_fd=parent)
        except FileNotFoundError:
            return None
        except (NotADirectoryError, OSError) as error:
            raise Conflict(
                "a file or symbolic link lies where a folder of the version belongs",
                remedy="Remove it, or check out to another folder.",
            ) from error
        if len(self._open) >= _FOLDERS_OPEN_MOST:
            os.close(self._open.pop(next(iter(self._open))))
        self._open[folder] = fd
        return fd

    def _forget(self, folder: str) -> None:
        with self._lock:
            fd = self._open.pop(folder, None)
            if fd is not None:
                os.close(fd)


def is_regular(found: os.stat_result) -> bool:
    """Tell whether it is a plain file."""
    return stat.S_ISREG(found.st_mode)


def is_folder(found: os.stat_result) -> bool:
    """Tell whether it is a folder."""
    return stat.S_ISDIR(found.st_mode)
