"""Keeps publications in step while a worker runs: new versions appear within a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.publishing.records import PUBLICATION, publication_of

if TYPE_CHECKING:
    from towpath.assets.datasets.publishing.publisher import IcebergPublisher
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent

_AGAIN_IN_S = 60.0


class PublicationReconciler:
    """Publishes what has changed, as reconciler of `dataset_publication` rows.

    Looks at the ledger alone, unless something changed.
    """

    kinds = (PUBLICATION,)

    def __init__(self, ledger: Ledger, publisher: IcebergPublisher) -> None:
        self._ledger = ledger
        self._publisher = publisher

    def reconcile(self, held: Intent) -> None:
        """Bring one data set's tables up to date, and look again in a minute."""
        publication = publication_of(held)
        if not self._publisher.is_current(publication):
            self._publisher.refresh(publication.dataset)
        with self._ledger.write() as tx:
            tx.intents.advance(held, due_in_s=_AGAIN_IN_S)
