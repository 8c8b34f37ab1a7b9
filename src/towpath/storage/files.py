"""What every writer of files needs: durable folders, and errors that name the place."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from towpath.core.errors import InfrastructureError, StorageFull

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_COPY_BYTES = 1 << 30
_FICLONE = 0x40049409
_CANT_CLONE = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM)


@contextmanager
def disk_errors(where: Path) -> Generator[None]:
    """Raise an `OSError` inside as `StorageFull` or `InfrastructureError`; `where` names the place."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"the disk under {where} is full",
                remedy="Free some space and retry; nothing was half-written.",
            ) from error
        raise InfrastructureError(
            f"{error.filename or where}: {error.strerror or error}",
            remedy="Check that the folder exists, is writable and its disk is healthy.",
        ) from error


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable: a new or removed name survives a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def clone_file(source_fd: int, target_fd: int) -> bool:
    """Make an empty file share another's blocks, copy-on-write; False where that is not possible.

    Linux's `FICLONE`: both on one file system that can do it, such as Btrfs or XFS. Neither file ever
    sees the other's later changes, and no byte is copied.
    """
    try:
        fcntl.ioctl(target_fd, _FICLONE, source_fd)
    except OSError as error:
        if error.errno in _CANT_CLONE:
            return False
        raise
    return True


def copy_file(source_fd: int, target_fd: int) -> None:
    """Append one open file's bytes to another's, inside the kernel where it can."""
    try:
        while os.sendfile(target_fd, source_fd, None, _COPY_BYTES):
            pass
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS) or os.lseek(target_fd, 0, os.SEEK_CUR):
            raise
        while chunk := os.read(source_fd, 1 << 20):
            rest = memoryview(chunk)
            while rest.nbytes:
                rest = rest[os.write(target_fd, rest) :]
