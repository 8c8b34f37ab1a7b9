"""A generation in the making, in an LMDB file of its own that no reader knows of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from towpath.core.errors import NotFound
from towpath.storage.files import disk_errors, sync_folder
from towpath.storage.online.contract import STAMP_BYTES, Head
from towpath.storage.online.environments import acquire, lmdb_errors, release
from towpath.storage.online.failures import overtaken
from towpath.storage.online.generations import DRAFT, IN_FORCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from towpath.storage.online.contract import Row
    from towpath.storage.online.environments import Environment
    from towpath.storage.online.generations import Generations

BODY: Final = b"body"
"""Where a generation keeps its body, beside the tables of rows."""


class LmdbDraft:
    """See `Draft`. Rows are written unsynced, and synced once before they are published.

    Keys that ascend from call to call are appended: each page is filled once, and nothing is ever
    moved, so the file holds no leftovers of anything.
    """

    def __init__(self, generations: Generations, table: str, token: bytes) -> None:
        self._generations = generations
        self._table = table
        self._token = token
        self._path = generations.path(table, token)
        with disk_errors(self._path):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
        with lmdb_errors(self._path.parent):
            self._opened: Environment | None = acquire(self._path, create=True, sync=False)
        self._last = b""

    def write(self, rows: Sequence[Row]) -> None:
        """See `Draft.write`."""
        opened = self._writable()
        if not rows:
            return
        ordered = sorted(rows)
        with lmdb_errors(self._path.parent), opened.env.begin(write=True, db=opened.rows) as tx:
            ascending = ordered[0][0] > self._last
            tx.cursor().putmulti(ordered, append=ascending)
        self._last = max(self._last, ordered[-1][0])

    def publish(self, body: bytes, *, keep: Callable[[bytes, bytes], bool] | None = None) -> Head:
        """See `Draft.publish`."""
        opened = self._writable()
        name = self._table.encode()
        with lmdb_errors(self._path.parent):
            with self._generations.line() as tx:
                if tx.get(DRAFT + name) != self._token:
                    raise overtaken(self._table)
                self._carry_over(opened, tx.get(IN_FORCE + name), keep)
                with opened.env.begin(write=True) as inner:
                    inner.put(BODY, body)
                self._sync(opened)
                tx.put(IN_FORCE + name, self._token)
                tx.delete(DRAFT + name)
            with self._generations.line() as tx:
                self._generations.sweep(tx, self._table)
            self._generations.forget(self._table)
        return Head(generation=self._token.decode(), body=body)

    def discard(self) -> None:
        """See `Draft.discard`."""
        if self._opened is None:
            return
        release(self._opened)
        self._opened = None
        with lmdb_errors(self._path.parent), self._generations.line() as tx:
            name = self._table.encode()
            if tx.get(DRAFT + name) == self._token:
                tx.delete(DRAFT + name)
            self._generations.sweep(tx, self._table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def _writable(self) -> Environment:
        if (
            self._opened is None
            or self._generations.token(self._table, prefix=DRAFT) != self._token
        ):
            raise overtaken(self._table)
        return self._opened

    def _carry_over(
        self,
        opened: Environment,
        before: bytes | None,
        keep: Callable[[bytes, bytes], bool] | None,
    ) -> None:
        """Bring in what was put into the generation in force and is newer than what we have."""
        try:
            leased = self._generations.lease_in_force(self._table, before)
        except NotFound:
            return  # somebody deleted the file; what was put there can't be had back
        if leased is None:
            return
        _, old = leased
        try:
            with old.env.begin(db=old.carried) as source, opened.env.begin(write=True) as tx:
                for key, value in source.cursor():
                    ours = tx.get(key, db=opened.rows)
                    if ours is not None and ours[:STAMP_BYTES] >= value[:STAMP_BYTES]:
                        continue
                    if keep is None or keep(key, value):
                        tx.put(key, value, db=opened.rows)
                        tx.put(key, value, db=opened.carried)
        finally:
            release(old)

    def _sync(self, opened: Environment) -> None:
        """Make the file durable and close it: who reads it opens it anew, with syncing on."""
        opened.env.sync(force=True)
        release(opened)
        self._opened = None
        with disk_errors(self._path):
            sync_folder(self._path.parent)
            sync_folder(self._path.parent.parent)
