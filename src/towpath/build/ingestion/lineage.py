"""Sources in the graph: the walk back from a model ends where its rows came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.digests import digest_json

if TYPE_CHECKING:
    from towpath.build.ingestion.declaration import Ingest
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction

KIND = "source"


def declare_source(tx: Transaction, ingest: Ingest, *, project: str) -> Ref:
    """Return the version of an ingest's source, a new one if it is declared otherwise than before."""
    body = {
        "kind": ingest.source.kind,
        "dataset": ingest.dataset.name,
        "declared": ingest.source.describe(),
    }
    digest = digest_json(body)
    name = ingest.dataset.name if ingest.once else ingest.name
    about = f"What feeds {ingest.dataset.name}."
    tx.versions.declare(KIND, name, project=project, description=about)
    latest = tx.versions.latest(KIND, name)
    if latest is not None and latest.digest == digest:
        return latest.ref
    return tx.versions.commit(KIND, name, digest=digest, body=body).ref
