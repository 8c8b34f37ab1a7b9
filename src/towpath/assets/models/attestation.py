"""Signed statements about model versions, in the forms that others already verify.

The statement is an in-toto Statement v1 whose subject is the package's digest; it is signed as DSSE v1
does, so that the type of what is signed is part of what is signed. Statement and signature can be
checked offline, from the version's body and the public key alone.

Sources: in-toto attestation framework, spec/v1/statement.md; DSSE protocol.md, "PAE".
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError
from towpath.storage.keys import verify_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.core.refs import Ref
    from towpath.ledger.records import Json, Version
    from towpath.storage.keys import Keyring

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "urn:towpath:model-version:1"
_SIGNATURE = "attestation"


def statement(ref: Ref, body: Mapping[str, object]) -> bytes:
    """Return the canonical statement about a version: everything in its body but the signature."""
    predicate = {key: value for key, value in body.items() if key != _SIGNATURE}
    return canonical_json(
        {
            "_type": _STATEMENT,
            "subject": [{"name": str(ref), "digest": {"sha256": body["package"]}}],
            "predicateType": _PREDICATE,
            "predicate": predicate,
        }
    )


def attest(ref: Ref, body: Mapping[str, object], keyring: Keyring) -> Json:
    """Return the `attestation` entry for a version's body: key id and signature (base64)."""
    signature = keyring.sign(_envelope(statement(ref, body)))
    return {"key_id": keyring.key_id, "signature": base64.b64encode(signature).decode()}


def verify_attestation(version: Version, public_key_pem: bytes) -> None:
    """Check that a model version says what was signed.

    Raises:
        IntegrityError: The body or reference was changed since, or another key signed it.
    """
    verify_statement(version.ref, version.body, public_key_pem)


def verify_statement(ref: Ref, body: Mapping[str, object], public_key_pem: bytes) -> None:
    """Check that a body, from wherever it comes, is what was signed for a version.

    Raises:
        IntegrityError: It carries no signature, it was changed since, or another key signed it.
    """
    entry = body.get(_SIGNATURE)
    if not isinstance(entry, dict):
        raise IntegrityError(
            f"{ref} carries no signature that this key could check",
            remedy="Nothing vouches for it. Register it again, with the home's own keys.",
            ref=str(ref),
        )
    signed = cast("dict[str, object]", entry)
    try:
        signature = base64.b64decode(str(signed.get("signature", "")), validate=True)
        holds = verify_signature(public_key_pem, _envelope(statement(ref, body)), signature)
    except (ValueError, KeyError):
        holds = False
    if not holds:
        raise IntegrityError(
            f"the signature of {ref} does not fit what the ledger says about it",
            remedy="Compare with a backup, and don't deploy it.",
            ref=str(ref),
        )


def _envelope(payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding of a statement."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
