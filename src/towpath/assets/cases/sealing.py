"""What a case holds of a person, sealed under a key of its own, and how signatures about cases are made.

The sealed bytes are part of the case's version, so they are in the ledger and in every backup of it. They
are read with the key `case.NAME` of the keyring alone; destroying that is what an erasure does.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.assets.cases.contract import Expectation
from towpath.core.digests import canonical_json
from towpath.core.errors import NotFound
from towpath.storage.keys import verify_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.records import Json
    from towpath.storage.keys import Keyring

KIND: Final = "case"
"""Kind of the versions, and of the rows that hold their verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What is only read with the case's own key."""

    inputs: Mapping[str, Any]
    expectation: Expectation


def seal(name: str, inputs: Mapping[str, object], expectation: Expectation, keys: Keyring) -> str:
    """Return a recorded input and what its answer must be, sealed, as text.

    The input is packed as the decision log packs it, so that every number keeps its bits and its kind.
    """
    packed = msgspec.msgpack.encode({"inputs": dict(inputs), "expect": str(expectation)})
    return base64.b64encode(keys.seal(_key_of(name), packed)).decode()


def unseal(name: str, sealed: str, keys: Keyring) -> Sealed | None:
    """Return what `seal` sealed, or None when its key was destroyed.

    Raises:
        IntegrityError: The sealed bytes were changed.
    """
    try:
        packed = keys.unseal(_key_of(name), base64.b64decode(sealed))
    except NotFound:
        return None
    found = msgspec.msgpack.decode(packed)
    return Sealed(inputs=found["inputs"], expectation=Expectation.parse(found["expect"]))


def shred(name: str, keys: Keyring) -> None:
    """Destroy the key of a case. Idempotent."""
    keys.shred(_key_of(name))


def sign(statement: Json, keys: Keyring) -> Json:
    """Return a statement with `key_id` and `signature`: Ed25519 over everything else, canonical JSON."""
    signer = keys.signer()
    said = {**statement, "key_id": signer.key_id}
    return {**said, "signature": base64.b64encode(signer.sign(canonical_json(said))).decode()}


def is_signed(statement: Json, public_keys_pem: bytes) -> bool:
    """Tell whether one of our keys signed what a statement says now."""
    said = {name: value for name, value in statement.items() if name != "signature"}
    try:
        signature = base64.b64decode(str(statement.get("signature", "")), validate=True)
    except ValueError:
        return False
    return verify_signature(public_keys_pem, canonical_json(said), signature)


def _key_of(name: str) -> str:
    return f"{KIND}.{name}"
