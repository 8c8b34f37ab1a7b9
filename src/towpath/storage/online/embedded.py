"""Online rows in LMDB files that the processes of one machine share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lmdb

from towpath.core.errors import NotFound
from towpath.core.ids import new_id
from towpath.core.refs import check_name
from towpath.storage.online.contract import STAMP_BYTES, Found, Head
from towpath.storage.online.drafting import BODY, LmdbDraft
from towpath.storage.online.environments import (
    Gone,
    acquire,
    lmdb_errors,
    release,
    translated,
)
from towpath.storage.online.failures import other_generation, reads_closed
from towpath.storage.online.generations import DRAFT, IN_FORCE, Generations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from towpath.storage.online.contract import Row, Wanted
    from towpath.storage.online.environments import Environment


class LmdbLoopReads:
    """See `LoopReads`. There is nothing to wait for: a look-up takes less than a thread's wake-up."""

    def __init__(self, store: LmdbOnlineStore) -> None:
        self._store: LmdbOnlineStore | None = store

    async def read(self, wanted: Wanted) -> list[Found]:
        """See `LoopReads.read`."""
        if self._store is None:
            raise reads_closed()
        return self._store.read(wanted)

    async def aclose(self) -> None:
        """See `LoopReads.aclose`."""
        self._store = None


class LmdbOnlineStore:
    """See `OnlineStore`. A read is a look into the catalog and one per key: no lock, no copy."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with lmdb_errors(root):
            self._generations = Generations(root)

    def read(self, wanted: Wanted) -> list[Found]:
        """See `OnlineStore.read`."""
        answers: list[Found] = []
        try:
            leased = self._generations.lease_all([table for table, _ in wanted])
            try:
                for opened, (_, keys) in zip(leased, wanted, strict=True):
                    if opened is None:
                        answers.append(Found(None, [None] * len(keys)))
                        continue
                    tx = opened.env.begin(opened.rows)
                    try:
                        values = [*map(tx.get, keys)]
                    finally:
                        tx.abort()
                    answers.append(Found(opened.generation, values))
            finally:
                release(*filter(None, leased))
        except lmdb.Error as error:
            raise translated(error, self._root) from error
        return answers

    def in_loop(self) -> LmdbLoopReads:
        """See `OnlineStore.in_loop`."""
        return LmdbLoopReads(self)

    def head(self, table: str) -> Head | None:
        """See `OnlineStore.head`."""
        with lmdb_errors(self._root), self._generations.in_force(table) as found:
            if found is None:
                return None
            token, opened = found
            with opened.env.begin() as tx:
                return Head(generation=token.decode(), body=tx.get(BODY, b""))

    def tables(self) -> list[str]:
        """See `OnlineStore.tables`."""
        with lmdb_errors(self._root):
            return self._generations.tables()

    def count(self, table: str) -> int:
        """See `OnlineStore.count`."""
        with lmdb_errors(self._root), self._generations.in_force(table) as found:
            if found is None:
                return 0
            _, opened = found
            with opened.env.begin() as tx:
                return tx.stat(opened.rows)["entries"]

    def begin(self, table: str) -> LmdbDraft:
        """See `OnlineStore.begin`."""
        token = new_id().encode()
        with lmdb_errors(self._root), self._generations.line() as tx:
            tx.put(DRAFT + check_name(table, "online table").encode(), token)
            self._generations.sweep(tx, table)
        return LmdbDraft(self._generations, table, token)

    def update(
        self, table: str, rows: Sequence[Row], *, generation: str, body: bytes | None = None
    ) -> int:
        """See `OnlineStore.update`."""
        with lmdb_errors(self._root), self._generations.line() as tx:
            token = tx.get(IN_FORCE + table.encode())
            if token is None:
                raise other_generation(table)
            _require(table, token, generation)
            count = self._bring(table, token, rows, body=body)
            if tx.delete(DRAFT + table.encode()):
                self._generations.sweep(tx, table)
            return count

    def put(self, table: str, rows: Sequence[Row], *, generation: str | None = None) -> int:
        """See `OnlineStore.put`."""
        with lmdb_errors(self._root), self._generations.line() as tx:
            token = tx.get(IN_FORCE + table.encode())
            if token is None:
                raise NotFound.named("online table", table, self._generations.tables())
            if generation is not None:
                _require(table, token, generation)
            return self._bring(table, token, rows, carry=True)

    def carried(self, table: str) -> Iterator[Row]:
        """See `OnlineStore.carried`."""
        with lmdb_errors(self._root), self._generations.in_force(table) as found:
            if found is not None:
                _, opened = found
                with opened.env.begin(db=opened.carried) as tx:
                    yield from tx.cursor()

    def drafts(self) -> list[str]:
        """See `OnlineStore.drafts`."""
        with lmdb_errors(self._root):
            return self._generations.tables(prefix=DRAFT)

    def walk(self) -> Iterator[tuple[str, Row]]:
        """See `OnlineStore.walk`."""
        for prefix in (IN_FORCE, DRAFT):
            with lmdb_errors(self._root):
                tables = self._generations.tables(prefix=prefix)
            for table in tables:
                yield from self._walk(table, prefix)

    def _walk(self, table: str, prefix: bytes) -> Iterator[tuple[str, Row]]:
        with lmdb_errors(self._root):
            token = self._generations.token(table, prefix=prefix)
            path = None if token is None else self._generations.path(table, token)
            if path is None or not path.exists():  # a draft that has no rows yet
                return
            try:
                opened = acquire(path)
            except Gone:
                return
            try:
                for rows in (opened.rows, opened.carried):
                    with opened.env.begin(db=rows) as tx:
                        for row in tx.cursor():
                            yield table, row
            finally:
                release(opened)

    def drop(self, table: str) -> bool:
        """See `OnlineStore.drop`."""
        with lmdb_errors(self._root):
            with self._generations.line() as tx:
                name = check_name(table, "online table").encode()
                there = tx.delete(IN_FORCE + name)
                tx.delete(DRAFT + name)
                self._generations.sweep(tx, table)
            self._generations.forget(table)
        return there

    def close(self) -> None:
        """See `OnlineStore.close`."""
        self._generations.close()

    def _bring(
        self,
        table: str,
        token: bytes,
        rows: Sequence[Row],
        *,
        body: bytes | None = None,
        carry: bool = False,
    ) -> int:
        """Write the rows that are not older than what is there, and the body, in one transaction."""
        opened = self._generations.lease(table, token)
        try:
            with opened.env.begin(write=True) as tx:
                count = _bring_newer(tx, opened, rows, carry=carry)
                if body is not None:
                    tx.put(BODY, body)
        finally:
            release(opened)
        return count


def _require(table: str, token: bytes, generation: str) -> None:
    if token.decode() != generation:
        raise other_generation(table)


def _bring_newer(
    tx: lmdb.Transaction[bytes], opened: Environment, rows: Sequence[Row], *, carry: bool
) -> int:
    count = 0
    for key, value in rows:
        before = tx.get(key, db=opened.rows)
        if before == value or (before is not None and before[:STAMP_BYTES] > value[:STAMP_BYTES]):
            continue
        tx.put(key, value, db=opened.rows)
        if carry:
            tx.put(key, value, db=opened.carried)
        else:
            tx.delete(key, db=opened.carried)
        count += 1
    return count
