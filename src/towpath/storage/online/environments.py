"""LMDB files, each opened once in a process however many parts of it read and write there.

LMDB's locks belong to (process, file), so a second opening would release the first one's; and a file
must not be closed while a thread is reading from it. So openings are shared, and counted.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

import lmdb

from towpath.core.errors import (
    InfrastructureError,
    IntegrityError,
    StorageFull,
    TowpathError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

MAP_BYTES: Final = 1 << 38
"""How far a file may grow. Address space alone: a file takes the disk that its rows need."""

_READERS_MOST: Final = 1024
_DAMAGED = (lmdb.CorruptedError, lmdb.InvalidError, lmdb.PageNotFoundError, lmdb.PanicError)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Gone(Exception):
    """The file is not there (any more): another generation is in force."""


class Environment:
    """An open file with two tables of rows, and its users. Made by `acquire`.

    Attributes:
        env: The open file.
        rows: The table of rows.
        carried: The table of those rows that were put.
        generation: The file's name, which names the generation.
    """

    __slots__ = ("carried", "env", "generation", "path", "pid", "rows", "users")

    def __init__(self, path: Path, *, create: bool, sync: bool) -> None:
        self.path = path
        self.generation = path.stem
        self.pid = os.getpid()
        self.users = 0
        self.env = lmdb.open(
            str(path),
            map_size=MAP_BYTES,
            subdir=False,
            create=create,
            mode=0o600,
            sync=sync,
            metasync=sync,
            readahead=False,
            max_readers=_READERS_MOST,
            max_dbs=2,
        )
        self.env.reader_check()  # gives back the places of readers that were killed
        self.rows = self.env.open_db(b"rows")
        self.carried = self.env.open_db(b"carried")

    def refuse(self) -> NoReturn:
        """Refuse to work in a process that was forked from the one that opened it.

        LMDB's places for readers belong to a process, and can be neither shared nor given back by
        another one.
        """
        raise UsageError(
            "an online store can't be used in a process that was forked after it was opened",
            remedy="Open it in the process that uses it.",
        )


_lock = threading.Lock()
_shared: dict[str, Environment] = {}


def acquire(path: Path, *, create: bool = False, sync: bool = True) -> Environment:
    """Return the process's opening of a file; `release` it after use.

    Raises:
        Gone: There is no such file, and it is not to be created.
    """
    name = str(path)
    with _lock:
        opened = _shared.get(name)
        if opened is None:
            if not create and not path.exists():
                raise Gone
            try:
                opened = Environment(path, create=create, sync=sync)
            except lmdb.Error as error:
                if not create and not path.exists():
                    raise Gone from error
                raise
            _shared[name] = opened
        opened.users += 1
    return opened


def retain(*openings: Environment) -> bool:
    """Become one more user of every opening; False, and of none, if one of them is closed."""
    with _lock:
        for opened in openings:
            if not opened.users:
                return False
        for opened in openings:
            opened.users += 1
    return True


def release(*openings: Environment) -> None:
    """Give openings back; the last user of each closes the file."""
    with _lock:
        for opened in openings:
            opened.users -= 1
            if opened.users == 0 and opened.pid == os.getpid():  # a child leaves its parent's alone
                _shared.pop(str(opened.path), None)
                opened.env.close()


@contextmanager
def lmdb_errors(where: Path) -> Generator[None]:
    """Raise what LMDB raises inside as one of Towpath's errors; `where` names the place."""
    try:
        yield
    except lmdb.Error as error:
        raise translated(error, where) from error


def translated(error: lmdb.Error, where: Path) -> TowpathError:
    """Return the error of ours that says what LMDB's means."""
    if isinstance(error, lmdb.MapFullError):
        return StorageFull(
            f"the online store in {where} holds {MAP_BYTES >> 30} GiB and can't grow",
            remedy="Keep fewer entities online, or set online to a redis:// URL.",
        )
    if isinstance(error, _DAMAGED):
        return IntegrityError(
            f"the online store in {where} is damaged: {error}",
            remedy="Delete the file and materialise again: everything in it can be made again.",
        )
    if error.code in _FULL:
        return StorageFull(
            f"the disk under {where} is full",
            remedy="Free some space and retry; nothing was half-written.",
        )
    return InfrastructureError(
        f"the online store in {where} failed: {error}",
        remedy="Check that the folder exists, is writable and its disk is healthy.",
    )
