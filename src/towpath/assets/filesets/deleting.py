"""Deletes the bytes that `file_deletion` rows list."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from towpath.assets.filesets.records import DELETION, patience
from towpath.core.ids import new_id

if TYPE_CHECKING:
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent
    from towpath.storage.blobs import BlobStore

_LEASE_S = 5.0
_DELETED_AT_ONCE = 32
_THREADS = 4


class FileDeletionReconciler:
    """Deletes bytes that file sets have let go of, as reconciler of `file_deletion` rows.

    A collection drives it itself; a worker that also runs it finishes what a killed one left.

    Args:
        ledger: Where the rows are.
        files: The area of the blob store that file sets keep their bytes in.
    """

    kinds = (DELETION,)

    def __init__(self, ledger: Ledger, files: BlobStore) -> None:
        self._ledger = ledger
        self._files = files

    def reconcile(self, held: Intent) -> None:
        """Delete the listed bytes, then the row. Safe to repeat."""
        digests: list[str] = held.spec["blobs"]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="delete") as pool:
            until = time.monotonic() + _LEASE_S / 2
            for start in range(0, len(digests), _DELETED_AT_ONCE):
                if time.monotonic() > until:
                    # Past its lease, this could delete what an add has stored again meanwhile.
                    with self._ledger.write() as tx:
                        tx.intents.renew(held, lease_s=_LEASE_S)
                    until = time.monotonic() + _LEASE_S / 2
                list(pool.map(self._files.delete, digests[start : start + _DELETED_AT_ONCE]))
        with self._ledger.write() as tx:
            tx.intents.advance(held)
            tx.intents.delete(DELETION, held.name)

    def delete_one(self) -> bool:
        """Carry out one deletion that nobody living is on; False if there is none."""
        with self._ledger.read() as tx:
            if not tx.intents.is_due(self.kinds):
                return False
        with self._ledger.write() as tx:
            held = tx.intents.claim(self.kinds, owner=new_id(), lease_s=_LEASE_S)
        if held is None:
            return False
        self.reconcile(held)
        return True

    def finish(self) -> None:
        """Return when everything is gone that is listed for deletion now, whoever deletes it.

        Raises:
            Conflict: Somebody else holds a row and does not get done within a minute.
        """
        with self._ledger.read() as tx:
            names = [row.name for row in tx.intents.list(DELETION, limit=None)]
        wait = patience("bytes that no version uses are still being deleted")
        while names:
            if not self.delete_one():
                wait()
            with self._ledger.read() as tx:
                names = [name for name in names if tx.intents.find(DELETION, name) is not None]
