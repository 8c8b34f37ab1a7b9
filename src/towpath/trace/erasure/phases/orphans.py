"""Deletes blobs that hold the subject and that nothing in the ledger refers to.

A step that is killed after it stored its result and before it recorded it leaves a blob that no
lineage leads to. Only reading every byte finds it, and nobody can miss it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets import COLLECTED
from towpath.core.digests import canonical_json
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.contract import Residue
    from towpath.trace.erasure.parts import Parts

_log = structlog.get_logger(__name__)
# Areas of the store have owners of their own, who know what is nobody's.
_BLOB = re.compile(r"^(?:blob:|blobs/sha256/[0-9a-f]{2}/)([0-9a-f]{64})$")
_ANNOUNCED = ("dataset_commit", "dataset_load", "dataset_deletion")
_DIGEST = re.compile(rb"[0-9a-f]{64}")


def sweep_orphans(parts: Parts, residue: Iterable[Residue]) -> int:
    """Delete the blobs among the places where the subject was found that are nobody's.

    A run that wrote one a moment ago, and has yet to record it, began before the redaction; it finds
    the blob gone and computes it again from what is left.
    """
    found = {match[1] for one in residue if (match := _BLOB.search(one.place))}
    if not found:
        return 0
    with parts.ledger.read() as tx:
        orphans = found - _referenced(parts, tx)
        orphans = {one for one in orphans if not _is_known(tx, one)}
    for digest in sorted(orphans):
        parts.blobs.delete(digest)
    _log.info("orphans.deleted", blobs=len(orphans))
    return len(orphans)


def _referenced(parts: Parts, tx: Transaction) -> set[str]:
    """Return every digest that a version, a manifest, a segment, a log tag or an open load mentions."""
    mentioned: set[str] = {segment.digest for segment in tx.segments.list()}
    for version in tx.versions.list(limit=None):
        if version.state == COLLECTED:
            continue
        mentioned.add(version.digest)
        mentioned.update(one.decode() for one in _DIGEST.findall(canonical_json(version.body)))
        if version.ref.kind == "dataset":
            mentioned.update(file.digest for file in parts.datasets.files(version.ref))
    for kind in _ANNOUNCED:
        for row in tx.intents.list(kind, limit=None):
            told = canonical_json([row.spec, row.status])
            mentioned.update(one.decode() for one in _DIGEST.findall(told))
    for run in tx.runs.list(limit=None):
        mentioned.update(value for value in run.tags.values() if len(value) == 64)
    return mentioned


def _is_known(tx: Transaction, digest: str) -> bool:
    """Whether the graph or the step cache has heard of a blob."""
    node = Ref("artifact", digest)
    if tx.cache.using([digest]) or tx.graph.impact(node, depth=1).edges:
        return True
    return bool(tx.graph.trace(node, depth=1).edges)
