"""Finding a thing by the piece of its name that somebody remembers or pastes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from towpath.core.errors import NotFound
from towpath.server.resources.lineage import Hit

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction

_UUID_LENGTHS = (32, 36)


def search(tx: Transaction, query: str, limit: int) -> list[Hit]:
    """Return what `query` may mean: a run or decision id, an asset, a service, a project."""
    wanted = query.strip().lower()
    if not wanted:
        return []
    hits = _by_id(tx, wanted)
    name = wanted.partition(":")[2] or wanted
    stem, _, number = name.partition("@")
    for asset in tx.versions.assets():
        if stem not in asset.name:
            continue
        for version in tx.versions.list(asset.kind, asset.name, limit=5):
            if not number or str(version.ref.version) == number:
                hits.append(
                    Hit(
                        ref=str(version.ref),
                        kind=asset.kind,
                        title=f"{asset.name}@{version.ref.version}",
                        detail=version.state,
                    )
                )
    for kind in ("service", "rollout", "monitor", "project", "erasure", "schedule", "backfill"):
        for intent in tx.intents.list(kind):
            if wanted in intent.name:
                ref = f"{kind}:{intent.name}"
                hits.append(Hit(ref=ref, kind=kind, title=intent.name, detail=intent.phase))
    return hits[:limit]


def _by_id(tx: Transaction, wanted: str) -> list[Hit]:
    text = wanted.removeprefix("run:").removeprefix("decision:")
    if len(text) not in _UUID_LENGTHS:
        return []
    try:
        value = uuid.UUID(text)
    except ValueError:
        return []
    try:
        run = tx.runs.get(value.hex)
    except NotFound:
        return [
            Hit(ref=f"decision:{value}", kind="decision", title=str(value), detail="trace it back")
        ]
    return [Hit(ref=str(run.ref), kind="run", title=run.name, detail=run.status)]
