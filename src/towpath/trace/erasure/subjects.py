"""Who knows a subject field."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from towpath.core.errors import NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction

_LOAD = "dataset_load"


def datasets_about(tx: Transaction, field: str) -> list[str]:
    """Return the data sets that have, or ever had, `field` as their subject; sorted, no branches.

    A declaration may have changed since: what an earlier version was about counts. So does a load that
    is open, though it has no version yet.
    """
    return sorted(name for name, fields in _subject_fields(tx).items() if field in fields)


def require_known(tx: Transaction, field: str) -> None:
    """Raise `NotFound` unless a data set or a service declares `field` as its subject."""
    services = tx.intents.list("service")
    fields = {name for service in services if (name := service.spec.get("subject_field"))}
    if field in fields or _is_declared_now(tx, field):
        return
    fields |= set[str]().union(*_subject_fields(tx).values())
    if field not in fields:
        raise NotFound.named("subject field", field, fields)


def _is_declared_now(tx: Transaction, field: str) -> bool:
    """Tell whether the newest version of a data set is about a field; costs no history."""
    names = (asset.name for asset in tx.versions.assets("dataset"))
    newest = (tx.versions.latest("dataset", name) for name in names)
    return any(one is not None and one.body.get("subject_field") == field for one in newest)


def _subject_fields(tx: Transaction) -> dict[str, set[str]]:
    """Return what each data set is or was about, by the trunk's name."""
    found: dict[str, set[str]] = defaultdict(set)
    for asset in tx.versions.assets("dataset"):
        trunk = Ref("dataset", asset.name).trunk
        for version in tx.versions.list("dataset", asset.name, limit=None):
            found[trunk].add(version.body.get("subject_field") or "")
    for load in tx.intents.list(_LOAD, limit=None):
        found[load.spec["dataset"]].add(load.spec.get("subject_field") or "")
    return {name: fields - {""} for name, fields in found.items()}
