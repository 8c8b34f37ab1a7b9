"""How the bytes of files come and go without a version, or an erasure, ever missing one.

Two kinds of rows in the ledger carry it, so that a kill at any point leaves a record of every byte
that was written:

- `file_add/ID` is an add under way, with a heartbeat and the generation of the suppression list that
  it obeys. It and `file_add/ID.N` list the digests that the add relies on, from before the first of
  them can be found by its name until the transaction that makes them part of a version. Nobody
  deletes those while the add lives. An add that has not given a sign of life for 15 seconds is dead:
  its rows count for nothing, and should it wake up, it finds them gone and starts over.
- `file_deletion/ID` lists digests that are being deleted. Whoever holds its lease deletes; an add that
  would rely on one of them waits.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets.suppression import Among, Suppression
from towpath.assets.filesets.records import ADD, DIGESTS_PER_ROW, drop, going, patience
from towpath.core.errors import TowpathError
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json

_HEARTBEAT_S = 3.0

_log = structlog.get_logger()


class Overtaken(Exception):
    """The suppression list grew, or this add was taken for dead: look again at what is to be added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The suppression list in a transaction, and the digests that it made the add let go of."""

    list: Suppression
    gone: set[str]


class Announcement:
    """The record of one add. `beating` keeps it alive; the other methods are one thread's.

    Args:
        ledger: Where the rows are.
        fileset: The file set that is added to.
        project: Its owner.
        withdrawn: Returns those of the announced digests that are only wanted for subjects on a list.
        delete_one: Takes over a deletion that nobody living is on; False if there is none.
        wall: Wall time.

    Attributes:
        suppression: The suppression list that the add obeys, as last seen.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        fileset: str,
        project: str,
        suppression: Suppression,
        withdrawn: Callable[[Suppression, set[str], Among], set[str]],
        delete_one: Callable[[], bool],
        wall: Clock,
    ) -> None:
        self._ledger = ledger
        self._fileset = fileset
        self._project = project
        self._withdrawn = withdrawn
        self._delete_one = delete_one
        self._wall = wall
        self.suppression = suppression
        self._id = new_id()
        self._rows = 0
        self._announced: set[str] = set()
        self._first: list[str] = []
        # Held from the announcement of digests until their bytes are there, so that the heartbeat,
        # which obeys the suppression list as it grows, lets go of nothing in between.
        self._publishing = threading.Lock()

    @contextmanager
    def batch(self, chosen_by: Suppression) -> Generator[Callable[[Iterable[str]], None]]:
        """Give a function that records digests whose bytes are stored before the block ends.

        The function raises:

            Overtaken: The list is not the one that the digests were chosen by any more, or the rows
                are gone; nothing was announced.
            Conflict: One of the digests is still being deleted after a minute.
        """
        with ExitStack() as held:
            holding = False

            def announce(digests: Iterable[str]) -> None:
                nonlocal holding
                if not holding:
                    held.enter_context(self._publishing)
                    holding = True
                self._announce(set(digests), chosen_by)

            yield announce

    def _announce(self, digests: set[str], chosen_by: Suppression) -> None:
        wait = patience("bytes that are to be added are still being deleted")
        while True:
            with self._ledger.write() as tx:
                seen = self._look(tx)
                busy = bool(going(tx).intersection(digests))
                if seen is not None and seen.list is chosen_by and not busy:
                    self._list(tx, digests)
                    return
            self._take(seen)
            if seen is None or seen.list is not chosen_by:
                raise Overtaken
            if not self._delete_one():
                wait()

    def settle(self, tx: Transaction) -> None:
        """Close the record in the transaction that makes its digests part of a version.

        Raises:
            Overtaken: The rows are gone.
        """
        if self._rows == 0:
            return
        if tx.intents.find(ADD, self._id) is None:
            raise Overtaken
        drop(tx, self._id)

    def abandon(self) -> set[str]:
        """Close the record of an add that failed, and return the digests it had announced."""
        with self._publishing:
            if self._rows:
                with self._ledger.write() as tx:
                    drop(tx, self._id)
            return self._forget()

    @contextmanager
    def beating(self) -> Generator[None]:
        """Give signs of life until the block ends, and obey the suppression list as it grows."""
        done = threading.Event()
        thread = threading.Thread(
            target=self._beat, args=(done,), name="add-heartbeat", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(_HEARTBEAT_S):
            idle = self._publishing.acquire(blocking=False)
            try:
                self._live_on(obeying=idle and self._rows > 0)
            except TowpathError as error:
                _log.warning("files.heartbeat_failed", fileset=self._fileset, error=error.code)
            finally:
                if idle:
                    self._publishing.release()

    def _live_on(self, *, obeying: bool) -> None:
        with self._ledger.write() as tx:
            seen = self._look(tx) if obeying else None
            if tx.intents.find(ADD, self._id) is not None:
                tx.intents.report(ADD, self._id, status=self._alive())
        if obeying:
            self._take(seen)

    def _look(self, tx: Transaction) -> _Seen | None:
        """Obey the list as the transaction sees it, to be taken note of after; None: rows are gone."""
        if self._rows and tx.intents.find(ADD, self._id) is None:
            return None
        now = Suppression.read(tx)
        if now.generation == self.suppression.generation:
            return _Seen(list=self.suppression, gone=set())
        gone = self._withdrawn(now, self._announced, tx.withdrawals.among)
        for row in tx.intents.list(ADD, prefix=f"{self._id}.", limit=None) if gone else ():
            self._put(tx, row.name, {"blobs": sorted(set(row.spec["blobs"]) - gone)})
        if self._rows:
            self._put(
                tx, self._id, self._head(now, [one for one in self._first if one not in gone])
            )
        return _Seen(list=now, gone=gone)

    def _take(self, seen: _Seen | None) -> None:
        """Take note of what a transaction that was committed did."""
        if seen is None:
            self._forget()
        else:
            self.suppression = seen.list
            self._announced -= seen.gone
            self._first = [one for one in self._first if one not in seen.gone]

    def _list(self, tx: Transaction, digests: set[str]) -> None:
        fresh = sorted(digests - self._announced)
        for start in range(0, len(fresh), DIGESTS_PER_ROW):
            some = fresh[start : start + DIGESTS_PER_ROW]
            if self._rows == 0:
                self._first = some
                head = self._head(self.suppression, some)
                self._put(tx, self._id, head, status=self._alive())
            else:
                self._put(tx, f"{self._id}.{self._rows}", {"blobs": some})
            self._rows += 1
        self._announced.update(fresh)

    def _forget(self) -> set[str]:
        announced, self._announced, self._rows, self._first = self._announced, set[str](), 0, []
        self._id = new_id()
        return announced

    def _head(self, suppression: Suppression, first: list[str]) -> Json:
        """Return the spec of the row that stands for the add; a small add needs no other."""
        generation = suppression.generation
        return {"fileset": self._fileset, "suppression": generation, "blobs": first}

    def _alive(self) -> Json:
        return {"at": self._wall.now().isoformat()}

    def _put(self, tx: Transaction, name: str, spec: Json, *, status: Json | None = None) -> None:
        tx.intents.put(ADD, name, project=self._project, spec=spec, status=status, due=False)
