"""How blobs come and go without a reader, or an erasure, ever missing one.

Three kinds of rows in the ledger carry it, so that a kill at any point leaves a record of every byte
that was written:

- `dataset_commit` lists the blobs that a commit is about to write, from before the first of them
  until the transaction that makes them part of a version. An erasure *fences* these rows: a fenced
  commit starts over, and deletes what it had written before it does.
- `dataset_load` does the same for a version that is written in pieces; see `load_record`.
- `dataset_deletion` lists the blobs of a data set that are being deleted, from the transaction in
  which the last version let go of them until they are gone. Whoever holds its lease deletes; a commit
  that would write one of them waits.

A commit that fails takes back what it wrote without reading every version: what it found in the store
when it began is somebody else's to answer for, and what it wrote can only be used by a version that
came later. Where a blob is kept for the sake of a commit under way, that commit inherits it, and
answers for it when it fails in turn.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.catalogue import Catalogue, blobs_of
from towpath.assets.datasets.lines import trunk_of
from towpath.assets.datasets.load_record import fence_loads, open_loads
from towpath.core.errors import Conflict
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.storage.blobs import BlobStore

COMMIT = "dataset_commit"
DELETION = "dataset_deletion"
_WAIT_S = 30.0
_POLL_S = 0.02
_LEASE_S = 5.0
_DELETED_AT_ONCE = 32
_THREADS = 4


class DeletionReconciler:
    """Deletes the blobs that data sets have let go of, as reconciler of `dataset_deletion` rows.

    An erasure calls it directly; a worker that also runs it finishes what a killed one left.
    """

    kinds = (DELETION,)

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def reconcile(self, held: Intent) -> None:
        """Delete the listed blobs, then the row. Safe to repeat."""
        blobs: list[str] = held.spec["blobs"]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="delete") as pool:
            for start in range(0, len(blobs), _DELETED_AT_ONCE):
                # Past its lease, this could delete what a commit has written again meanwhile.
                with self._ledger.write() as tx:
                    tx.intents.renew(held, lease_s=_LEASE_S)
                list(pool.map(self._blobs.delete, blobs[start : start + _DELETED_AT_ONCE]))
        with self._ledger.write() as tx:
            row = tx.intents.advance(held)
            if row.generation == held.generation:
                tx.intents.delete(DELETION, held.name)

    def finish(self, dataset: str) -> None:
        """Return when nothing of a data set is left to delete.

        Raises:
            Conflict: Somebody else holds the deletion and does not get done within half a minute.
        """
        owner = new_id()
        wait = _deadline(dataset)
        while True:
            with self._ledger.read() as tx:
                if tx.intents.find(DELETION, dataset) is None:
                    return
            with self._ledger.write() as tx:
                held = tx.intents.claim(self.kinds, owner=owner, lease_s=_LEASE_S)
            if held is None:
                wait()
            else:
                self.reconcile(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """What a commit found when it announced its blobs.

    Attributes:
        size: How many events the log had.
        fresh: The announced blobs that were not in the store.
    """

    size: int
    fresh: frozenset[str]


class Staging:
    """The blobs of one data set, on all its lines, that are on their way in or out.

    An instance is one writer's; not thread-safe.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, *, dataset: str, project: str) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._dataset = trunk_of(dataset)
        self._project = project
        self._deletion = DeletionReconciler(ledger, blobs)
        self._starts: dict[str, _Start] = {}

    def announce(self, digests: Sequence[str]) -> str:
        """Record that these blobs will be written, and return the record's id.

        Raises:
            Conflict: An erasure is still deleting one of them after half a minute.
        """
        commit_id = new_id()
        announced = sorted(set(digests))
        spec = {"dataset": self._dataset, "blobs": announced, "fenced": False}
        while True:
            with self._ledger.write() as tx:
                free = not self.going(tx).intersection(digests)
                if free:
                    tx.intents.put(COMMIT, commit_id, project=self._project, spec=spec, due=False)
                size = tx.events.size()
            if free:
                # Only now: what an erasure was deleting when we looked would not be there to find.
                self._starts[commit_id] = _Start(size=size, fresh=self._absent(announced))
                return commit_id
            # Whoever began to delete one of them may have died.
            self.sweep()

    def settle(self, tx: Transaction, commit_id: str) -> bool:
        """Close a record in the transaction that uses its blobs; False if an erasure fenced it."""
        row = tx.intents.find(COMMIT, commit_id)
        if row is None or row.spec["fenced"]:
            return False
        tx.intents.delete(COMMIT, commit_id)
        return True

    def abandon(self, commit_id: str) -> None:
        """Delete what a failed commit wrote, but for what a version uses.

        Reads the versions that came since it began; all of them only if an erasure fenced it, or
        another process began it.
        """
        while not self._let_go(commit_id):
            pass
        self._starts.pop(commit_id, None)
        self.sweep()

    def _let_go(self, commit_id: str) -> bool:
        """List a failed commit's blobs for deletion; False if the data set changed meanwhile."""
        start = self._starts.get(commit_id)
        with self._ledger.read() as tx:
            row = tx.intents.find(COMMIT, commit_id)
            if row is None:
                return True
            blobs = set[str](row.spec["blobs"])
            if start is None or row.spec["fenced"]:
                seen = Catalogue.read(tx, self._dataset)
            else:
                seen = Catalogue.since(tx, self._dataset, start.size)
                blobs &= start.fresh.union(row.spec.get("inherited", ()))
        used = self.used(seen)
        with self._ledger.write() as tx:
            found = tx.intents.find(COMMIT, commit_id)
            if found is None:
                return True
            if found.spec != row.spec or not seen.is_current(tx):
                return False
            tx.intents.delete(COMMIT, commit_id)
            self.retire(tx, blobs, used=used)
        return True

    def fence(self, tx: Transaction) -> set[str]:
        """Make commits under way start over, and return the blobs that they announced.

        A fenced record stays until its commit abandons it, since the commit may be about to write
        more. One whose process was killed stays for good, so that every erasure looks again.
        """
        announced: set[str] = set()
        for row in self._announced(tx):
            announced.update(row.spec["blobs"])
            fenced = {**row.spec, "fenced": True}
            tx.intents.put(COMMIT, row.name, project=row.project, spec=fenced, due=False)
        return announced | fence_loads(tx, self._dataset, project=self._project)

    def forsake(self, tx: Transaction, *, before: datetime) -> set[str]:
        """Fence the commits that were begun before a moment, and return the blobs they announced.

        For commits whose process must have been killed; one that is alive starts over.
        """
        announced: set[str] = set()
        for row in self._announced(tx):
            if row.created_at < before:
                announced.update(row.spec["blobs"])
                fenced = {**row.spec, "fenced": True}
                tx.intents.put(COMMIT, row.name, project=row.project, spec=fenced, due=False)
        return announced

    def leave(self, tx: Transaction, digests: Iterable[str]) -> None:
        """Record blobs that a writer which lost its right to them may write still.

        Nobody clears the record away, so that every erasure looks for them.
        """
        spec = {"dataset": self._dataset, "blobs": sorted(digests), "fenced": True}
        tx.intents.put(COMMIT, new_id(), project=self._project, spec=spec, due=False)

    def retire(self, tx: Transaction, digests: Iterable[str], *, used: set[str]) -> set[str]:
        """List blobs for deletion, but for those in use and those that a live commit announced.

        `used` must be current in this transaction. Returns the blobs that were listed.
        """
        unused = set(digests) - used
        # An open load answers for every blob that it names, until it ends.
        for _, state in open_loads(tx, self._dataset, project=self._project):
            unused -= set() if state.fenced else state.blobs
        kept: set[str] = set()
        for row in self._announced(tx):
            if row.spec["fenced"]:
                continue
            inherited = unused.intersection(row.spec["blobs"])
            kept |= inherited
            if inherited.difference(row.spec.get("inherited", ())):
                told = sorted(inherited.union(row.spec.get("inherited", ())))
                spec = {**row.spec, "inherited": told}
                tx.intents.put(COMMIT, row.name, project=row.project, spec=spec, due=False)
        going = self.going(tx)
        gone = unused - kept
        if gone:
            spec = {"dataset": self._dataset, "blobs": sorted(going | gone)}
            tx.intents.put(DELETION, self._dataset, project=self._project, spec=spec)
        return gone

    def sweep(self) -> None:
        """Delete what is listed for deletion, and return when it is gone."""
        self._deletion.finish(self._dataset)

    def used(self, seen: Catalogue) -> set[str]:
        """Return every blob that these versions of a data set use."""
        bodies = (version.body for version in seen.versions)
        return set().union(
            *(blobs_of(self._blobs, body["manifest"], body["profile"]) for body in bodies)
        )

    def _announced(self, tx: Transaction) -> list[Intent]:
        rows = tx.intents.list(COMMIT, project=self._project, limit=None)
        return [row for row in rows if row.spec["dataset"] == self._dataset]

    def _absent(self, digests: Sequence[str]) -> frozenset[str]:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="look") as pool:
            there = pool.map(self._blobs.exists, digests)
            return frozenset(one for one, found in zip(digests, there, strict=True) if not found)

    def going(self, tx: Transaction) -> set[str]:
        """Return the blobs that are listed for deletion; whoever would write one of them waits."""
        row = tx.intents.find(DELETION, self._dataset)
        return set() if row is None else set(row.spec["blobs"])


def _deadline(dataset: str) -> Callable[[], None]:
    """Return a function that sleeps a little, and raises once half a minute has passed."""
    until = time.monotonic() + _WAIT_S

    def wait() -> None:
        if time.monotonic() > until:
            raise Conflict(
                f"an erasure of data set {dataset!r} did not end in time",
                remedy="Try again when it is done; a running worker finishes it.",
                dataset=dataset,
            )
        time.sleep(_POLL_S)

    return wait
