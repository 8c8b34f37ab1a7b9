"""Verified → certified: the subject's name is forgotten, and what was done is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.core.errors import StorageFull
from towpath.trace.erasure.certificate import draw_up, sign
from towpath.trace.erasure.gathering import let_off
from towpath.trace.erasure.parts import Step
from towpath.trace.erasure.work import Work

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger.contract import Transaction
    from towpath.trace.erasure.parts import Commit, Parts

_RIDERS_AT_ONCE = 200
_log = structlog.get_logger(__name__)


def certify(parts: Parts, work: Work) -> Commit:
    """Shred the key of the sealed subjects, sign and store the certificate, and let riders off.

    Shredding comes first: whoever holds the certificate then knows that nobody, not even the holder
    of the database, can read whom it was about.
    """
    if work.state.certificate is not None:
        return lambda tx: _let_off(work, tx)
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
        return _let_off(Work(id=work.id, request=work.request, state=state), tx)

    return commit


def _let_off(work: Work, tx: Transaction) -> Step:
    """Say of some riders at a time that they are done, so that other writers get their turn."""
    if work.state.riders and not let_off(tx, work.id, work.state, most=_RIDERS_AT_ONCE):
        return Step(state=work.state)
    tx.runs.finish(work.id, "finished")
    facts = {"certificate": work.state.certificate}
    return Step(state=work.state, phase="certified", facts=facts, wait_s=None)


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
