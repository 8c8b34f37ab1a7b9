"""Which generation of a table is in force, and the files of all of them.

    <root>/catalog.lmdb              table → generation in force, table → draft
    <root>/<table>/<generation>.lmdb its rows, in the order of their keys

The catalog's one write transaction is the line that writers stand in: LMDB takes it from a holder who
was killed. Readers look the generation up in it without waiting for anybody.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from towpath.core.errors import NotFound, UsageError
from towpath.core.refs import check_name
from towpath.storage.files import disk_errors
from towpath.storage.online.environments import Gone, acquire, release, retain

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    import lmdb

    from towpath.storage.online.environments import Environment

IN_FORCE: Final = b"generation:"
DRAFT: Final = b"draft:"
_SUFFIX = ".lmdb"
_NOTHING: Final = (b"", None)


class Generations:
    """The folder of an embedded online store. Thread-safe and process-safe.

    A generation's file is unlinked when the next one is in force. Who has it open reads on, and gives
    it back the next time it looks at the table.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        with disk_errors(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._shelf: Environment | None = acquire(self._catalog_path, create=True)
        self._opened: dict[str, tuple[bytes, Environment]] = {}
        self._tidy()

    def path(self, table: str, token: bytes) -> Path:
        """Return where a generation's rows are."""
        return self._root / table / f"{token.decode()}{_SUFFIX}"

    @property
    def catalog(self) -> lmdb.Environment:
        """The catalog. Raises `UsageError` in a forked process, and once the store is closed."""
        shelf = self._shelf
        if shelf is None:
            raise UsageError("the online store is closed", remedy="Open it again.")
        if shelf.pid != os.getpid():
            shelf.refuse()
        return shelf.env

    @contextmanager
    def line(self) -> Generator[lmdb.Transaction[bytes]]:
        """Stand in the line of writers; leaving the block commits what it put into the catalog."""
        with self.catalog.begin(write=True) as tx:
            yield tx

    def tables(self, *, prefix: bytes = IN_FORCE) -> list[str]:
        """Return the names of the tables that have a generation in force (or a draft)."""
        with self.catalog.begin() as tx:
            names = [key for key in tx.cursor().iternext(values=False) if key.startswith(prefix)]
        return sorted(name.removeprefix(prefix).decode() for name in names)

    def token(self, table: str, *, prefix: bytes = IN_FORCE) -> bytes | None:
        """Return the generation in force (or the draft) of a table."""
        with self.catalog.begin() as tx:
            return tx.get(prefix + table.encode())

    @contextmanager
    def in_force(self, table: str) -> Generator[tuple[bytes, Environment] | None]:
        """Hold the generation in force, whichever it is by the time it is open."""
        leased = self.lease_in_force(table, self.token(table))
        if leased is None:
            self.forget(table)
            yield None
            return
        try:
            yield leased
        finally:
            release(leased[1])

    def lease_all(self, tables: Sequence[str]) -> list[Environment | None]:
        """Become a user of what is in force of several tables; `release` those that are there.

        Raises:
            NotFound: The file of one was deleted by somebody else.
        """
        kept, tx = self._opened, self.catalog.begin()
        known: list[Environment] = []
        try:
            for table in tables:
                token, opened = kept.get(table, _NOTHING)
                if opened is None or token != tx.get(IN_FORCE + table.encode()):
                    break
                known.append(opened)
        finally:
            tx.abort()
        if len(known) == len(tables) and retain(*known):
            return [*known]
        leased: list[Environment | None] = []
        try:
            for table in tables:
                found = self.lease_in_force(table, self.token(table))
                leased.append(None if found is None else found[1])
        except BaseException:
            release(*(one for one in leased if one is not None))
            raise
        return leased

    def lease_in_force(self, table: str, token: bytes | None) -> tuple[bytes, Environment] | None:
        """Become a user of the generation in force, last seen to be `token`; `release` it.

        Raises:
            NotFound: Its file was deleted by somebody else.
        """
        known = self._opened.get(table)
        if known is not None and known[0] == token and retain(known[1]):
            return known
        while token is not None:
            try:
                return token, self.lease(table, token)
            except Gone as error:
                seen, token = token, self.token(table)
                if token == seen:
                    raise NotFound(
                        f"the rows of the online table {table!r} are gone",
                        remedy="Materialise it again: everything in it can be made again.",
                        table=table,
                    ) from error
        return None

    def lease(self, table: str, token: bytes) -> Environment:
        """Become a user of a generation's opening, which stays open for those who come later."""
        known = self._opened.get(table)
        if known is not None and known[0] == token and retain(known[1]):
            return known[1]
        opened = acquire(self.path(table, token))
        with self._lock:
            retain(opened)
            before = self._opened.get(table)
            self._opened[table] = (token, opened)
        if before is not None:
            release(before[1])
        return opened

    def forget(self, table: str) -> None:
        """Close what we keep open of a table unless it is in force."""
        token = self.token(table)
        with self._lock:
            known = self._opened.get(table)
            if known is None or known[0] == token:
                return
            del self._opened[table]
        release(known[1])

    def sweep(self, tx: lmdb.Transaction[bytes], table: str) -> None:
        """Delete every file of a table that the catalog does not name; `tx` is the line's."""
        name = check_name(table, "online table").encode()
        tokens = [token for prefix in (IN_FORCE, DRAFT) if (token := tx.get(prefix + name))]
        kept = {self.path(table, token) for token in tokens}
        folder = self._root / table
        with disk_errors(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            for path in folder.iterdir():
                if path.with_suffix(_SUFFIX) not in kept:  # LMDB's lock file goes with its own
                    path.unlink(missing_ok=True)
            if not kept:
                with suppress(OSError):
                    folder.rmdir()

    def close(self) -> None:
        """Close every file. Idempotent."""
        with self._lock:
            opened = [one for _, one in self._opened.values()]
            opened += [] if self._shelf is None else [self._shelf]
            self._opened.clear()
            self._shelf = None
        for one in opened:
            release(one)

    @property
    def _catalog_path(self) -> Path:
        return self._root / f"catalog{_SUFFIX}"

    def _tidy(self) -> None:
        """Delete what a killed process left behind, if it left anything."""
        with disk_errors(self._root):
            folders = {
                one.name: len(list(one.iterdir())) for one in self._root.iterdir() if one.is_dir()
            }
        left = [name for name, files in folders.items() if files > 2 or name not in self.tables()]
        if left:
            with self.line() as tx:
                for table in left:
                    self.sweep(tx, table)
