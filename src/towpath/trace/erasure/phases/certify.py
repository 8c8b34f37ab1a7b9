"""Verified → certified: the subject's name is forgotten, and what was done is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.core.errors import StorageFull
from towpath.trace.erasure.certificate import draw_up, sign
from towpath.trace.erasure.parts import Step

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.parts import Commit, Parts
    from towpath.trace.erasure.work import Work

_log = structlog.get_logger(__name__)


def certify(parts: Parts, work: Work) -> Commit:
    """Shred the key of the sealed subject, then sign and store the certificate.

    Shredding comes first: whoever holds the certificate then knows that nobody, not even the holder
    of the database, can read whom it was about.
    """
    parts.keyring.shred(work.id)
    with parts.ledger.write(actor="erasure") as tx:
        checkpoint = tx.events.checkpoint()
    with parts.ledger.read() as tx:
        document = draw_up(tx, work, checkpoint, at=parts.wall.now())
    certificate = sign(document, parts.keyring)
    digest = parts.blobs.put(certificate)
    if parts.certificates is not None:
        _copy(certificate, parts.certificates / f"{work.id}.json")
    _log.info("erasure.certified", erasure=work.id, certificate=digest)

    def commit(tx: Transaction) -> Step:
        state = msgspec.structs.replace(work.state, certificate=digest)
        tx.runs.finish(work.id, "finished")
        facts = {"certificate": digest}
        return Step(state=state, phase="certified", facts=facts, wait_s=None)

    return commit


def _copy(certificate: bytes, path: Path) -> None:
    """Write the file whole or not at all; the blob is what counts."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(certificate)
        part.replace(path)
    except OSError as error:
        raise StorageFull(
            f"the certificate can't be written to {path.parent}: {error.strerror}",
            remedy="Make room or fix the folder's permissions; the erasure tries again by itself.",
        ) from error
