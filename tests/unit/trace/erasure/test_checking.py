"""A stored certificate of format 1 stays valid, and any change to it is seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from towpath.storage.keys import FileKeyring
from towpath.trace.erasure import verify_certificate
from towpath.trace.erasure.certificate import sign

GOLDEN = Path(__file__).parent / "golden"
CERTIFICATE = (GOLDEN / "certificate.json").read_bytes()
KEY = (GOLDEN / "public.pem").read_bytes()
DOCUMENT = json.loads(CERTIFICATE)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every plain value in a document."""
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in leaves(one, (*path, key))]
    if isinstance(value, list):
        return [leaf for n, one in enumerate(value) for leaf in leaves(one, (*path, n))]
    return [path]


def changed(path: tuple[Any, ...], to: Any) -> dict[str, Any]:
    document = json.loads(CERTIFICATE)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return document


def test_the_golden_certificate_is_valid():
    check = verify_certificate(CERTIFICATE, KEY)
    assert check.valid, check.problems
    assert check.events == len(DOCUMENT["log"]["entries"])


@given(st.sampled_from(leaves(DOCUMENT)), st.one_of(st.none(), st.integers(), st.text()))
def test_any_changed_value_is_seen(path, to):
    document = changed(path, to)
    if document != DOCUMENT:
        assert not verify_certificate(json.dumps(document).encode(), KEY).valid


@given(st.sampled_from(sorted(DOCUMENT)))
def test_any_missing_part_is_seen(name):
    document = {key: value for key, value in DOCUMENT.items() if key != name}
    assert not verify_certificate(json.dumps(document).encode(), KEY).valid


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b'{"towpath": "other"}'])
def test_what_is_no_certificate_is_said_to_be_none(junk):
    assert verify_certificate(junk, KEY).problems == ("it is not an erasure certificate",)


def test_another_key_did_not_sign_it(tmp_path):
    assert not verify_certificate(CERTIFICATE, FileKeyring(tmp_path).public_key_pem).valid


CLAIMS = {
    "a redaction that never was": (
        ("datasets", 0, "versions", 0, "after"),
        "0" * 64,
        "the redaction of dataset:flights@2",
    ),
    "a deletion that never was": (
        ("models", 0, "model"),
        "model:late@9",
        "the deletion of model:late@9",
    ),
    "residue": (("totals", "residue"), 1, "its own scan found residue"),
    "another erasure's log": (("erasure",), "0" * 32, "does not say that it was redacted"),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_signer_can_not_claim_what_the_log_does_not_show(claim):
    """Even with the right key, a claim needs its entry in the log."""
    path, to, problem = CLAIMS[claim]
    liar = Liar()
    document = changed(path, to)
    document.pop("signature")
    document.pop("key_id")
    problems = verify_certificate(sign(document, liar), liar.public_key_pem).problems
    assert any(problem in one for one in problems)
    # The checkpoint is the honest key's: nothing else than these two may be wrong.
    assert "the signature is not that of this key over this content" not in problems


class Liar:
    """A keyring of one key."""

    key_id = DOCUMENT["key_id"]

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    @property
    def public_key_pem(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)
