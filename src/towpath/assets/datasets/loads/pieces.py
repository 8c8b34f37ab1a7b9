"""The pieces of one load: blobs that the ledger knows of from before they are written until the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.datasets.catalogue import Catalogue
from towpath.assets.datasets.load_record import LoadRecord, LoadState
from towpath.assets.datasets.parquet import store_blobs
from towpath.assets.datasets.staging import Staging
from towpath.core.digests import digest_bytes
from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json
    from towpath.storage.blobs import BlobStore


class LoadPieces:
    """Keeps a load's record and its blobs in step. Making one takes the load over.

    Attributes:
        state: How far the load is, as last seen.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        *,
        dataset: str,
        project: str,
        name: str,
        begun_as: Json,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._dataset = dataset
        self._staging = Staging(ledger, blobs, dataset=dataset, project=project)
        with ledger.write() as tx:
            taken = LoadRecord.take(
                tx, dataset=dataset, name=name, project=project, begun_as=begun_as
            )
            if taken.unfinished:
                # Whoever had the load before may be about to write these still.
                self._staging.leave(tx, taken.unfinished)
        self._record = taken.record
        self.state = taken.state
        if taken.unfinished or taken.stale:
            self._release({*taken.unfinished, *taken.stale})

    def store(self, data: Sequence[bytes | memoryview]) -> list[str]:
        """Write blobs, having announced them.

        Raises:
            Conflict: The load is not ours any more. What was written is deleted.
        """
        digests = [digest_bytes(one) for one in data]
        if not digests:
            return digests
        while True:
            self.refresh()
            with self._ledger.write() as tx:
                self.state = self._record.read(tx)
                if not self._staging.going(tx).intersection(digests):
                    announced = tuple(dict.fromkeys((*self.state.announced, *digests)))
                    self.state = msgspec.structs.replace(self.state, announced=announced)
                    self._record.keep(tx, self.state)
                    break
            # Whoever began to delete one of them may have died; the same bytes may be written after.
            self._staging.sweep()
        store_blobs(self._blobs, data)
        with self._ledger.read() as tx:
            lost = not self._record.is_live(tx)
        if lost:
            raise self._lost(digests)
        return digests

    def keep(self, **changes: Any) -> None:
        """Record what became of the load; blobs that its files name are not `announced` any more.

        Raises:
            Conflict: The load is not ours any more.
        """
        self.refresh()
        with self._ledger.write() as tx:
            state = msgspec.structs.replace(self._record.read(tx), **changes)
            named = {file.digest for file in state.files}
            rest = tuple(one for one in state.announced if one not in named)
            state = msgspec.structs.replace(state, announced=rest)
            self._record.keep(tx, state)
        self.state = state

    def refresh(self) -> LoadState:
        """Read how far the load is.

        Raises:
            Conflict: It is not ours any more; what it had is cleared up.
        """
        with self._ledger.read() as tx:
            if self._record.is_live(tx):
                self.state = self._record.read(tx)
                return self.state
        raise self._lost([])

    def close(self, tx: Transaction, seen: Catalogue, *, keep: set[str]) -> None:
        """End the load in the transaction that makes a version of it.

        Args:
            tx: The transaction.
            seen: The data set's versions, current in it.
            keep: Blobs that belong to the version now.
        """
        rest = self._record.read(tx).blobs - keep
        self._record.close(tx)
        if rest:
            self._staging.retire(tx, rest, used=self._staging.used(seen) | keep)

    def discard(self) -> None:
        """Delete the load and its blobs, if it is still ours."""
        with self._ledger.read() as tx:
            blobs = self._record.blobs(tx) if self._record.is_ours(tx) else set[str]()
        self._release(blobs, close=True)
        self.state = LoadState()

    def sweep(self) -> None:
        """Delete what is listed for deletion, and return when it is gone."""
        self._staging.sweep()

    def _lost(self, written: Sequence[str]) -> Conflict:
        """Clear up after a load that an erasure fenced or somebody else took; return what to raise."""
        with self._ledger.read() as tx:
            ours = self._record.is_ours(tx)
            blobs = self._record.blobs(tx) if ours else set[str]()
        self._release({*blobs, *written}, close=ours)
        self.state = LoadState()
        return Conflict(
            f"an erasure overtook this load of data set {self._dataset!r}"
            if ours
            else f"somebody else has taken over this load of data set {self._dataset!r}",
            remedy="Start it over; what it had kept is deleted."
            if ours
            else "Let one process at a time write a load; the other one carries it on.",
            dataset=self._dataset,
        )

    def _release(self, digests: Iterable[str], *, close: bool = False) -> None:
        """Delete blobs that no version and no living writer needs; with `close`, the record too."""
        wanted = set(digests)
        while True:
            with self._ledger.read() as tx:
                seen = Catalogue.read(tx, self._dataset)
            used = self._staging.used(seen)
            with self._ledger.write() as tx:
                if not seen.is_current(tx):
                    continue
                if close and self._record.is_ours(tx):
                    self._record.close(tx)
                self._staging.retire(tx, wanted, used=used)
                break
        self._staging.sweep()
