"""Which data sets are the tables of file sets: those whose asset says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from towpath.assets.datasets import Dataset
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction

_TAG = "content"
_FILES = "files"


def mark(tx: Transaction, dataset: Dataset, *, project: str) -> None:
    """Say in the ledger that a data set's rows name stored files; once said, it stays."""
    tx.versions.declare(
        "dataset",
        dataset.name,
        project=project,
        description=dataset.description,
        tags={_TAG: _FILES},
    )


def fileset_names(tx: Transaction) -> list[str]:
    """Return the trunks of all file sets, sorted."""
    assets = tx.versions.assets("dataset")
    return [one.name for one in assets if is_marked(one.tags) and "~" not in one.name]


def is_marked(tags: dict[str, str]) -> bool:
    """Tell whether an asset's tags say that it is a file set."""
    return tags.get(_TAG) == _FILES


def is_fileset(tx: Transaction, ref: Ref) -> bool:
    """Tell whether a data set, or a branch of it, is the table of a file set."""
    return ref.kind == "dataset" and ref.trunk in fileset_names(tx)
