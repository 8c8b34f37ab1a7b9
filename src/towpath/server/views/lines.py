"""What surrounds a data set's versions: tags, branches, ingests, publications, quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.lines import BASE, living_branches
from towpath.assets.datasets.quality.quarantine import SUFFIX
from towpath.build.ingestion.state import KIND as INGEST_STATE
from towpath.core.refs import Ref
from towpath.server.resources.datasets import (
    DatasetBranch,
    DatasetIngest,
    DatasetPublication,
    DatasetTag,
)
from towpath.server.views.values import mapping, moment, text, texts, whole

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent

_INGEST = "ingest"
_PUBLICATION = "dataset_publication"


def tags_of(tx: Transaction, name: str) -> list[DatasetTag]:
    """Return a line's tags by name."""
    found = tx.versions.aliases("dataset", name)
    return [DatasetTag(name=tag, number=number) for tag, number in sorted(found.items())]


def branches_of(tx: Transaction, trunk: str) -> list[DatasetBranch]:
    """Return the living branches of a trunk, by name."""
    newest = tx.versions.latest("dataset", trunk)
    number = 0 if newest is None else newest.ref.version or 0
    found: list[DatasetBranch] = []
    for asset in living_branches(tx, trunk):
        head = tx.versions.latest("dataset", asset.name)
        if head is None:
            continue
        base = int(asset.tags.get(BASE, "0"))
        found.append(
            DatasetBranch(
                name=Ref("dataset", asset.name).branch or "",
                base=f"dataset:{trunk}@{base}",
                head=str(head.ref),
                behind=max(0, number - base),
                created_at=asset.created_at,
            )
        )
    return found


def ingests_of(tx: Transaction, name: str) -> list[DatasetIngest]:
    """Return the declared ingests that feed a data set, by name."""
    rows = [row for row in tx.intents.list(_INGEST) if row.spec.get("dataset") == name]
    return [_ingest(tx, row) for row in sorted(rows, key=lambda row: row.name)]


def _ingest(tx: Transaction, row: Intent) -> DatasetIngest:
    kept = tx.intents.find(INGEST_STATE, row.name)
    state = {} if kept is None else kept.status
    spec = row.spec
    return DatasetIngest(
        name=text(spec.get("ingest")) or row.name,
        source=mapping(spec.get("source")),
        mode=text(spec.get("mode")),
        increments=bool(spec.get("increments")),
        every=spec.get("every"),
        phase=row.phase,
        at=moment(state.get("at")),
        rows=whole(state.get("rows")),
        version=state.get("version"),
        error=state.get("error"),
        next=moment(row.status.get("next")),
    )


def publications_of(tx: Transaction, name: str) -> list[DatasetPublication]:
    """Return the tables that show a data set in catalogs."""
    rows = [row for row in tx.intents.list(_PUBLICATION) if row.spec.get("dataset") == name]
    return [
        DatasetPublication(
            catalog=text(row.spec.get("catalog")),
            table=text(row.spec.get("table")),
            versions=len(mapping(row.spec.get("snapshots"))),
            skipped=texts(mapping(row.spec.get("skipped"))),
        )
        for row in sorted(rows, key=lambda row: row.name)
    ]


def quarantine_of(tx: Transaction, name: str) -> tuple[str | None, int]:
    """Return the data set that holds rows set aside from this one, and how many are in it."""
    found = tx.versions.latest("dataset", f"{name}{SUFFIX}")
    return (None, 0) if found is None else (found.ref.name, whole(found.body.get("rows")))
