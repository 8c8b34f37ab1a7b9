"""How a layout's files come and go, so that a kill at any point leaves a record of every one.

Three kinds of rows in the ledger carry it; their names begin with the view's, so that a view's are
found without reading the others':

- `features_build` lists the files that a run is about to write, from before the first of them until
  the transaction that makes them a layout. A purge *fences* it: the run starts over.
- `features_layout` is the layout of one version of a view. It is a copy that can be made again: it
  goes when newer ones have come, and when an erasure takes its source's rows.
- `features_deletion` lists files that are to be deleted, from the transaction in which their layout
  went until they are gone. A worker finishes what a killed process left.

A run marks its files with its id, so none is ever made by two: each file has one owner, and deleting
what a run left behind needs no look at anybody else.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from towpath.assets.features.layout import layout_of
from towpath.core.errors import Conflict
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.assets.features.layout import Layout
    from towpath.assets.features.segments import EncodedSegment, Segment
    from towpath.core.clock import Clock
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Version
    from towpath.storage.blobs import BlobStore

BUILD = "features_build"
LAYOUT = "features_layout"
DELETION = "features_deletion"
AREA = "features"
_FORGOTTEN_AFTER = timedelta(hours=1)


@lru_cache(maxsize=8)
def layout_area(blobs: BlobStore) -> BlobStore:
    """Return the part of a blob store that holds layouts; one per store, as it knows what it verified."""
    return blobs.area(AREA)


class LayoutDeletionReconciler:
    """Deletes the files of layouts that are gone, as reconciler of `features_deletion` rows."""

    kinds = (DELETION,)

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = layout_area(blobs)

    def reconcile(self, held: Intent) -> None:
        """Delete the listed files, then the row. Safe to repeat."""
        for digest in held.spec["blobs"]:
            self._blobs.delete(digest)
        with self._ledger.write() as tx:
            tx.intents.advance(held)
            tx.intents.delete(DELETION, held.name)


class Shelf:
    """The files of one view's layouts that are on their way in or out.

    Args:
        ledger: Where it is recorded.
        blobs: The home's blob store; layouts have an area of their own in it.
        view: The view's name.
        project: Who owns it.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, *, view: str, project: str) -> None:
        self.blobs = layout_area(blobs)
        self._ledger = ledger
        self._view = view
        self._project = project

    def announce(self, run_id: str, digests: Iterable[str]) -> None:
        """Record that a run is about to write these files besides those it announced before.

        Raises:
            Conflict: A purge fenced the run; it must start over.
        """
        name = self._name(run_id)
        with self._ledger.write(actor="features") as tx:
            row = tx.intents.find(BUILD, name)
            if row is None or row.spec["fenced"]:
                raise Conflict(f"the layout of feature view {self._view!r} was purged meanwhile")
            spec = {**row.spec, "blobs": sorted({*row.spec["blobs"], *digests})}
            tx.intents.put(BUILD, name, project=self._project, spec=spec, due=False)

    def open(self, tx: Transaction, run_id: str) -> None:
        """Begin a run's record."""
        spec = {"view": self._view, "run": run_id, "blobs": [], "fenced": False}
        tx.intents.put(BUILD, self._name(run_id), project=self._project, spec=spec, due=False)

    def settle(self, tx: Transaction, run_id: str) -> bool:
        """Close a run's record in the transaction that uses its files; False if it was fenced."""
        row = tx.intents.find(BUILD, self._name(run_id))
        if row is None or row.spec["fenced"]:
            return False
        tx.intents.delete(BUILD, row.name)
        return True

    def abandon(self, run_id: str, written: Iterable[str]) -> None:
        """Delete what a run wrote that comes to nothing, then its record."""
        for digest in written:
            self.blobs.delete(digest)
        with self._ledger.write(actor="features") as tx:
            tx.intents.delete(BUILD, self._name(run_id))

    def layouts(self, tx: Transaction) -> dict[str, Layout]:
        """Return the view's layouts by the version they are of."""
        rows = tx.intents.list(LAYOUT, prefix=self._prefix, limit=None)
        return {row.spec["ref"]: layout_of(row.spec["layout"]) for row in rows}

    def find(self, tx: Transaction, version: Version) -> Layout | None:
        """Return the layout of a version's current revision, if it has one."""
        row = tx.intents.find(LAYOUT, self._name(str(version.ref.version)))
        if row is None or row.spec["revision"] != version.revision:
            return None
        return layout_of(row.spec["layout"])

    def keep(self, tx: Transaction, version: Version, layout: Layout) -> None:
        """Make a layout that of a version's current revision, in place of any it had."""
        name = self._name(str(version.ref.version))
        before = tx.intents.find(LAYOUT, name)
        spec = {"ref": str(version.ref), "revision": version.revision, "layout": layout.to_json()}
        tx.intents.put(LAYOUT, name, project=self._project, spec=spec, due=False)
        if before is not None:
            self.doom(tx, layout_of(before.spec["layout"]).blobs - self._used(tx))

    def drop(self, tx: Transaction, versions: Iterable[Ref]) -> int:
        """Forget versions' layouts, and list for deletion the files that no other layout uses.

        Returns:
            How many bytes will go.
        """
        dropped: set[Segment] = set()
        for ref in versions:
            row = tx.intents.find(LAYOUT, self._name(str(ref.version)))
            if row is not None:
                dropped.update(layout_of(row.spec["layout"]).segments)
                tx.intents.delete(LAYOUT, row.name)
        used = self._used(tx)
        dropped = {one for one in dropped if used.isdisjoint(one.blobs)}
        self.doom(tx, {digest for one in dropped for digest in one.blobs})
        return sum(one.size_bytes for one in dropped)

    def doom(self, tx: Transaction, digests: Iterable[str]) -> None:
        """List files for deletion."""
        gone = sorted(digests)
        if gone:
            spec = {"view": self._view, "blobs": gone}
            tx.intents.put(DELETION, self._name(new_id()), project=self._project, spec=spec)

    def fence(self, tx: Transaction) -> None:
        """Make runs under way start over, and list for deletion what they announced.

        A fenced record stays until its run abandons it, since the run may be about to write more. One
        whose process was killed stays for good, so that every purge looks again.
        """
        for row in tx.intents.list(BUILD, prefix=self._prefix, limit=None):
            self.doom(tx, row.spec["blobs"])
            spec = {**row.spec, "fenced": True}
            tx.intents.put(BUILD, row.name, project=row.project, spec=spec, due=False)

    def sweep(self) -> None:
        """Delete what is listed for deletion, and return when it is gone. Safe to repeat."""
        with self._ledger.read() as tx:
            rows = tx.intents.list(DELETION, prefix=self._prefix, limit=None)
        for row in rows:
            for digest in row.spec["blobs"]:
                self.blobs.delete(digest)
            with self._ledger.write(actor="features") as tx:
                tx.intents.delete(DELETION, row.name)

    def forget(self, clock: Clock) -> None:
        """Delete what runs wrote that began over an hour ago and never ended: they were killed.

        One that is alive after all finds its record gone, and starts over.
        """
        before = clock.now() - _FORGOTTEN_AFTER
        with self._ledger.read() as tx:
            old = [
                row
                for row in tx.intents.list(BUILD, prefix=self._prefix, limit=None)
                if row.updated_at < before
            ]
        for row in old:
            with self._ledger.write(actor="features") as tx:
                tx.intents.delete(BUILD, row.name)
                self.doom(tx, row.spec["blobs"])
                tx.runs.finish(row.spec["run"], "killed", error="its process ended")
        self.sweep()

    def _used(self, tx: Transaction) -> set[str]:
        return set[str]().union(*(layout.blobs for layout in self.layouts(tx).values()))

    @property
    def _prefix(self) -> str:
        return f"{self._view}/"

    def _name(self, tail: str) -> str:
        return f"{self._prefix}{tail}"


class RunShelf:
    """A shelf as one run writes to it: every file is announced before it is stored.

    Args:
        shelf: The view's.
        run_id: The run.
    """

    def __init__(self, shelf: Shelf, run_id: str) -> None:
        self._shelf = shelf
        self._run_id = run_id
        self.written: list[str] = []

    @property
    def blobs(self) -> BlobStore:
        """The store that holds the files of earlier layouts."""
        return self._shelf.blobs

    def put(self, encoded: EncodedSegment) -> None:
        """Announce and store a segment's files."""
        self._shelf.announce(self._run_id, encoded.entry.blobs)
        self.written += encoded.entry.blobs
        for data in encoded.files:
            self.blobs.put(data)
