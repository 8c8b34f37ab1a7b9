"""What an erasure has done to a data set so far, as kept in the ledger between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.contract import ErasedDataset, ErasedVersion
from towpath.core.digests import digest_json
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json

KIND = "dataset_erasure"


def nothing_erased(dataset: str) -> ErasedDataset:
    """Return the record of an erasure that has not done anything."""
    return ErasedDataset(
        name=dataset, versions=(), rows_removed=0, files_rewritten=0, bytes_deleted=0
    )


def named(hashes: Iterable[str]) -> str:
    """Return what the record of a pass over some subjects is called by: one subject's own hash.

    The same subjects asked for again have the same record; one of them by itself has another.
    """
    ordered = sorted(hashes)
    return ordered[0] if len(ordered) == 1 else digest_json(ordered)


def read_record(tx: Transaction, dataset: str, name: str) -> ErasedDataset:
    """Return what has been done for some subjects; see `named`."""
    row = tx.intents.find(KIND, f"{dataset}.{name}")
    if row is None:
        return nothing_erased(dataset)
    return ErasedDataset(
        name=dataset,
        versions=tuple(_load(version) for version in row.spec["versions"]),
        rows_removed=row.spec["rows_removed"],
        files_rewritten=row.spec["files_rewritten"],
        bytes_deleted=row.spec["bytes_deleted"],
    )


def add_to_record(tx: Transaction, done: ErasedDataset, name: str, *, project: str) -> None:
    """Add a round of erasure to the record, in the transaction that made it true."""
    before = read_record(tx, done.name, name)
    versions = {version.ref: version for version in before.versions}
    for version in done.versions:
        first = versions.get(version.ref)
        versions[version.ref] = version if first is None else _joined(first, version)
    spec: Json = {
        "versions": [_store(versions[ref]) for ref in sorted(versions)],
        "rows_removed": before.rows_removed + done.rows_removed,
        "files_rewritten": before.files_rewritten + done.files_rewritten,
        "bytes_deleted": before.bytes_deleted + done.bytes_deleted,
    }
    tx.intents.put(KIND, f"{done.name}.{name}", project=project, spec=spec, due=False)


def _joined(first: ErasedVersion, last: ErasedVersion) -> ErasedVersion:
    return ErasedVersion(
        ref=last.ref,
        revision=last.revision,
        before=first.before,
        after=last.after,
        rows_removed=first.rows_removed + last.rows_removed,
    )


def _store(version: ErasedVersion) -> Json:
    return {
        "ref": str(version.ref),
        "revision": version.revision,
        "before": version.before,
        "after": version.after,
        "rows_removed": version.rows_removed,
    }


def _load(stored: Json) -> ErasedVersion:
    return ErasedVersion(
        ref=Ref.parse(stored["ref"]),
        revision=stored["revision"],
        before=stored["before"],
        after=stored["after"],
        rows_removed=stored["rows_removed"],
    )
