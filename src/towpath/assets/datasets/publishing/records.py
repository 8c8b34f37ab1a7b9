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
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json

PUBLICATION = "dataset_publication"
_NO_LIMIT = 1_000_000


def row_name(catalog: str, table: str) -> str:
    """Return what a publication's row is called."""
    return f"{catalog}:{table}"


def list_publications(tx: Transaction, dataset: str | None = None) -> list[Publication]:
    """Return what is published, of one data set or of all."""
    rows = tx.intents.list(PUBLICATION, limit=_NO_LIMIT)
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


def keep_publication(tx: Transaction, publication: Publication, *, project: str) -> None:
    """Write down what is published now."""
    spec: Json = {
        "dataset": publication.dataset,
        "catalog": publication.catalog,
        "table": publication.table,
        "last": publication.last,
        "metadata": publication.metadata,
        "snapshots": {str(ref): number for ref, number in publication.snapshots.items()},
        "refs": dict(publication.refs),
        "skipped": {str(ref): why for ref, why in publication.skipped.items()},
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
