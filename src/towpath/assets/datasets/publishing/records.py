"""What the ledger knows of publications: a `dataset_publication` row for each.

The row names the versions that are published, so that a collection leaves them alone until the
publication has let go of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.publishing.contract import Publication
from towpath.core.errors import NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json

PUBLICATION = "dataset_publication"


def row_name(catalog: str, table: str) -> str:
    """Return what a publication's row is called."""
    return f"{catalog}:{table}"


def list_publications(tx: Transaction, dataset: str | None = None) -> list[Publication]:
    """Return what is published, of one data set or of all."""
    rows = tx.intents.list(PUBLICATION, limit=None)
    found = [publication_of(row) for row in rows]
    wanted = [one for one in found if dataset is None or one.dataset == dataset]
    return sorted(wanted, key=lambda one: (one.dataset, one.catalog, one.table))


def find_publication(tx: Transaction, dataset: str, catalog: str, table: str) -> Publication:
    """Return one publication. Raises `NotFound`, naming those there are."""
    known = {row_name(one.catalog, one.table): one for one in list_publications(tx, dataset)}
    found = known.get(row_name(catalog, table))
    if found is None:
        raise NotFound.named(
            f"publication of data set {dataset!r} in catalog {catalog!r} called",
            table,
            [one.table for one in known.values() if one.catalog == catalog],
        )
    return found


def suspects_of(tx: Transaction, publication: Publication) -> set[int]:
    """Return the snapshots whose metadata may be there: published, or left by a killed call."""
    row = tx.intents.find(PUBLICATION, row_name(publication.catalog, publication.table))
    if row is None:
        return set()
    return {*row.spec["snapshots"].values(), *row.spec["suspects"]}


def keep_publication(
    tx: Transaction, publication: Publication, *, project: str, suspects: Iterable[int] = ()
) -> None:
    """Write down what is published now, or about to be.

    Args:
        tx: The transaction.
        publication: The versions that must not be collected, among the rest.
        project: The project that owns the data set.
        suspects: Snapshots whose metadata may be left if this call is killed.
    """
    spec: Json = {
        "dataset": publication.dataset,
        "catalog": publication.catalog,
        "table": publication.table,
        "last": publication.last,
        "metadata": publication.metadata,
        "snapshots": {str(ref): number for ref, number in publication.snapshots.items()},
        "refs": dict(publication.refs),
        "skipped": {str(ref): why for ref, why in publication.skipped.items()},
        "suspects": sorted(suspects),
    }
    tx.intents.put(
        PUBLICATION,
        row_name(publication.catalog, publication.table),
        project=project,
        spec=spec,
        phase="published",
    )


def forget_publication(tx: Transaction, publication: Publication) -> None:
    """Remove the row."""
    tx.intents.delete(PUBLICATION, row_name(publication.catalog, publication.table))


def publication_of(row: Intent) -> Publication:
    """Return what a row says."""
    spec = row.spec
    return Publication(
        dataset=spec["dataset"],
        catalog=spec["catalog"],
        table=spec["table"],
        last=spec["last"],
        metadata=spec["metadata"],
        snapshots={Ref.parse(ref): number for ref, number in spec["snapshots"].items()},
        refs=spec["refs"],
        skipped={Ref.parse(ref): why for ref, why in spec["skipped"].items()},
    )
