"""Who knows a subject field, and the list of subjects who have withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent

SUPPRESSION = ("suppression", "all")


def datasets_about(tx: Transaction, field: str) -> dict[str, str]:
    """Return the data sets whose subject is `field`: name to the column that holds it.

    Branches are left out: their versions are erased from with those of the data set.
    """
    found: dict[str, str] = {}
    for asset in tx.versions.assets("dataset"):
        if Ref("dataset", asset.name).branch is not None:
            continue
        version = tx.versions.latest("dataset", asset.name)
        if version is not None and version.body.get("subject_field") == field:
            found[asset.name] = version.body["subject"]
    return found


def require_known(tx: Transaction, field: str) -> None:
    """Raise `NotFound` unless a data set or a service declares `field` as its subject."""
    fields = {
        version.body["subject_field"]
        for asset in tx.versions.assets("dataset")
        if (version := tx.versions.latest("dataset", asset.name)) is not None
        and version.body.get("subject_field")
    }
    services = tx.intents.list("service")
    fields |= {name for service in services if (name := service.spec.get("subject_field"))}
    if field not in fields:
        raise NotFound.named("subject field", field, fields)


def suppress(tx: Transaction, subject: str) -> Intent:
    """Put a subject's hash on the list that ingestion, gateways and training obey."""
    kind, name = SUPPRESSION
    before = tx.intents.find(kind, name)
    hashes: set[str] = set() if before is None else set(before.spec["hashes"])
    spec = {"hashes": sorted(hashes | {subject})}
    return tx.intents.put(kind, name, project="towpath", spec=spec, due=False)
