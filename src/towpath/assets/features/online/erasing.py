"""How a subject leaves the online rows: tables are made anew from what redaction has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.assets.features.online.materializing import Materialization
from towpath.assets.features.online.table import decode_table
from towpath.core.clock import from_micros
from towpath.core.errors import Conflict, IntegrityError, NotFound

if TYPE_CHECKING:
    from towpath.assets.features.contract import FeatureStore
    from towpath.assets.features.online.table import OnlineTable
    from towpath.ledger.contract import Ledger
    from towpath.storage.online import OnlineStore

_ATTEMPTS = 8
_log = structlog.get_logger(__name__)


def erase_subject(
    ledger: Ledger, offline: FeatureStore, store: OnlineStore, field: str
) -> list[str]:
    """Make every table anew whose source is about subjects of a field; return their names.

    Rows that the subject pushed are not carried over, because the subject is suppressed by now. A new
    generation is written from nothing, so no page of it holds what an old one held. A table that can't
    be made anew, because its source is gone or it can't be read, is dropped.
    """
    remade: list[str] = []
    for name in sorted(set(store.drafts()) - set(store.tables())):
        # Nobody serves from it yet, and who began it may be dead. Whoever is alive begins anew.
        store.drop(name)
    for name in store.tables():
        head = store.head(name)
        if head is None:
            continue
        try:
            table = decode_table(head.body)
        except IntegrityError:
            store.drop(name)
            remade.append(name)
            continue
        if not _is_about(ledger, table, field):
            continue
        _remake(ledger, offline, store, table)
        remade.append(name)
        _log.info("features.erased", view=name)
    return remade


def _is_about(ledger: Ledger, table: OnlineTable, field: str) -> bool:
    """Tell whether a table's rows may be about such subjects, now or when they were written."""
    if table.declared.subject_field == field:
        return True
    with ledger.read() as tx:
        latest = tx.versions.latest("dataset", table.declared.source)
    return latest is not None and latest.body.get("subject_field") == field


def _remake(ledger: Ledger, offline: FeatureStore, store: OnlineStore, table: OnlineTable) -> None:
    declared = table.declared
    for attempt in range(1, _ATTEMPTS + 1):
        again = Materialization(
            ledger,
            offline,
            store,
            declared.view(),
            project=declared.project,
            at=from_micros(table.at_us),
        )
        try:
            if table.after is None:
                again.cleanse(table)
            else:
                again.run(whole=True)
        except NotFound:
            store.drop(table.view)
        except Conflict:
            if attempt == _ATTEMPTS:
                raise
            continue  # another writer came in between; what it wrote may be older than the redaction
        return
