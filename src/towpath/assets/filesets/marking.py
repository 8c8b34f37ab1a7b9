"""Which data sets hold rows that name stored bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.filesets.declaration import FILE_COLUMNS

if TYPE_CHECKING:
    from towpath.assets.datasets import Dataset
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Asset

_TAG = "content"
_FILES = "files"


def mark(tx: Transaction, dataset: Dataset, *, project: str) -> None:
    """Say in the ledger that a data set is a file set; once said, it stays."""
    tx.versions.declare(
        "dataset",
        dataset.name,
        project=project,
        description=dataset.description,
        tags={_TAG: _FILES},
    )


def fileset_names(tx: Transaction) -> list[str]:
    """Return the trunks of all data sets whose rows name stored bytes, sorted.

    Those are the file sets, and whatever was made of their rows: the parts of a split, a quarantine.
    """
    trunks = [one for one in tx.versions.assets("dataset") if "~" not in one.name]
    return [one.name for one in trunks if _is_marked(one) or _looks_like_one(tx, one.name)]


def is_fileset(tx: Transaction, ref: Ref) -> bool:
    """Tell whether the rows of a data set, or of a branch of it, name stored bytes."""
    return ref.kind == "dataset" and ref.trunk in fileset_names(tx)


def _is_marked(asset: Asset) -> bool:
    return asset.tags.get(_TAG) == _FILES


def _looks_like_one(tx: Transaction, name: str) -> bool:
    latest = tx.versions.latest("dataset", name)
    columns = [] if latest is None else latest.body.get("columns", [])
    return {column["name"] for column in columns}.issuperset(FILE_COLUMNS)
