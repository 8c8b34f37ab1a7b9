"""Signed statements about the log, and how to check one with nothing but the public key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.digests import canonical_json
from towpath.ledger.merkle import hash_leaf
from towpath.ledger.records import Checkpoint
from towpath.storage.keys import verify_signature

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from towpath.ledger.records import Event
    from towpath.storage.keys import Signer


def sign_checkpoint(signer: Signer, *, size: int, root: str, at: datetime) -> Checkpoint:
    """State that the first `size` entries have this root, and sign it."""
    message = _message(size=size, root=root, at=at, key_id=signer.key_id)
    signature = signer.sign(message).hex()
    return Checkpoint(size=size, root=root, at=at, key_id=signer.key_id, signature=signature)


def verify_checkpoint(checkpoint: Checkpoint, public_key_pem: bytes) -> bool:
    """Tell whether the holder of the key signed exactly this checkpoint."""
    message = _message(
        size=checkpoint.size, root=checkpoint.root, at=checkpoint.at, key_id=checkpoint.key_id
    )
    try:
        signature = bytes.fromhex(checkpoint.signature)
    except ValueError:
        return False
    return verify_signature(public_key_pem, message, signature)


def entry_bytes(
    *,
    seq: int,
    at: datetime,
    type: str,
    subject: str,
    actor: str,
    payload: Mapping[str, object],
) -> bytes:
    """Return the canonical bytes of a log entry, of which its leaf is the hash."""
    return canonical_json(
        {
            "seq": seq,
            "at": at,
            "type": type,
            "subject": subject,
            "actor": actor,
            "payload": payload,
        }
    )


def leaf_of(event: Event) -> str:
    """Recompute the leaf of an entry from its content; it differs if anything was changed."""
    data = entry_bytes(
        seq=event.seq,
        at=event.at,
        type=event.type,
        subject=event.subject,
        actor=event.actor,
        payload=event.payload,
    )
    return hash_leaf(data).hex()


def _message(*, size: int, root: str, at: datetime, key_id: str) -> bytes:
    return canonical_json(
        {
            "statement": "towpath.checkpoint.v1",
            "size": size,
            "root": root,
            "at": at,
            "key_id": key_id,
        }
    )
