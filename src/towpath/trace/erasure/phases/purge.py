"""Redacted → purged: nothing that was derived from the subject's rows is kept, but live models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.assets.datasets import READY
from towpath.assets.models.packages import load_package
from towpath.core.errors import IntegrityError, NotFound
from towpath.trace.erasure.parts import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.ledger.contract import Transaction
    from towpath.storage.blobs.contract import BlobStore
    from towpath.trace.erasure.contract import HeldCopy
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_log = structlog.get_logger(__name__)
_OTHERS = ("versions", "files", "rows", "bytes", "models", "residue")  # of other phases
_LARGEST_PACKAGE_BYTES = 1 << 20  # a manifest of file digests, however large the files


def purge(parts: Parts, work: Work) -> Commit:
    """Delete step results, logs, decisions, labels and every other copy; forget the cached steps."""
    erase_copies(parts, work)
    size_bytes = purge_blobs(parts, work.state.artefacts)
    rewritten = erase_decisions(parts, work)
    # Counted again by a second attempt, the first one's blobs are gone: keep the larger number.
    state = msgspec.structs.replace(
        work.state,
        bytes_purged=max(work.state.bytes_purged, size_bytes),
        decision_files={**work.state.decision_files, **rewritten},
    )
    _log.info("erasure.purged", erasure=work.id, decisions=state.decisions, bytes=size_bytes)

    def commit(tx: Transaction) -> Step:
        dropped = forget_executions(tx, state.artefacts)
        done = msgspec.structs.replace(state, executions=state.executions + dropped)
        facts = {name: count for name, count in done.totals.items() if name not in _OTHERS}
        return Step(state=done, phase="purged", facts=facts)

    return commit


def erase_copies(parts: Parts, work: Work) -> None:
    """Take everybody out of everything that copies rows, or keeps things about them."""
    about = work.about(parts)
    for copies in parts.copies:
        copies.erase(about)


def held_copies(parts: Parts, work: Work) -> tuple[HeldCopy, ...]:
    """Return what there is besides data sets and decisions, of everybody whom it is about."""
    about = work.about(parts)
    return tuple(one for copies in parts.copies for one in copies.held(about))


def erase_decisions(parts: Parts, work: Work) -> dict[str, str | None]:
    """Take everybody out of the decision log; return what became of its files."""
    with parts.ledger.read() as tx:
        subjects = [request.subject for _, request in work.requests(tx)]
    return dict(parts.decisions.erase_subjects(subjects).rewritten)


def purge_blobs(parts: Parts, digests: Iterable[str]) -> int:
    """Delete blobs that nothing which stays refers to; return how many bytes went.

    A model package takes its files with it. Packages of registered models are left to their
    retirement: a live one is needed until its replacement serves.
    """
    with parts.ledger.read() as tx:
        kept = _kept(parts, tx)
    doomed: set[str] = set()
    for digest in digests:
        if digest not in kept and parts.blobs.exists(digest):
            doomed.add(digest)
            doomed.update(_package_files(parts.blobs, digest))
    size_bytes = 0
    for digest in sorted(doomed - kept):
        if parts.blobs.exists(digest):
            size_bytes += parts.blobs.size_bytes(digest)
            parts.blobs.delete(digest)
    return size_bytes


def forget_executions(tx: Transaction, digests: Iterable[str]) -> int:
    """Drop every cached step that read or made one of the artefacts; return how many."""
    digests = list(digests)
    found = tx.cache.using(digests) if digests else []
    for execution in found:
        tx.cache.drop(execution.key)
    return len(found)


def _kept(parts: Parts, tx: Transaction) -> set[str]:
    """Return the blobs that models with bytes and data sets refer to."""
    kept: set[str] = set()
    for asset in tx.versions.assets("model"):
        for version in tx.versions.list("model", asset.name, limit=None):
            if version.state != "deleted":
                body = version.body
                kept |= {body["package"], body["reference"], body["report"]}
                kept.update(body["files"].values())
    for asset in tx.versions.assets("dataset"):
        for version in tx.versions.list("dataset", asset.name, states=[READY], limit=None):
            kept |= {version.digest, version.body["manifest"], version.body["profile"]}
            kept |= {file.digest for file in parts.datasets.files(version.ref)}
    return kept


def _package_files(blobs: BlobStore, digest: str) -> set[str]:
    """Return the files of a model package; none for any other blob."""
    try:
        if blobs.size_bytes(digest) > _LARGEST_PACKAGE_BYTES:
            return set()
        return set(load_package(digest, blobs).files.values())
    except (IntegrityError, NotFound):
        return set()
