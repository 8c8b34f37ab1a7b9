"""Checks a certificate with nothing but the public key: no ledger, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.digests import canonical_json
from towpath.ledger import Checkpoint, Event, leaf_of, verify_checkpoint, verify_inclusion
from towpath.storage.keys import verify_signature
from towpath.trace.erasure.certificate import FORMAT, KIND
from towpath.trace.erasure.contract import CertificateCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger.records import Json


def verify_certificate(certificate: bytes, public_key_pem: bytes) -> CertificateCheck:
    """Check the signature, the checkpoint, every log entry's proof, and that the claims match them.

    Never raises on a bad certificate: what is wrong with it is in `problems`.
    """
    try:
        document: Any = msgspec.json.decode(certificate)
    except msgspec.DecodeError:
        document = None
    if not isinstance(document, dict) or document.get("towpath") != KIND:
        return CertificateCheck(
            valid=False, problems=("it is not an erasure certificate",), events=0
        )
    if document.get("format") != FORMAT:
        problem = f"its format is {document.get('format')!r}, and this version reads {FORMAT}"
        return CertificateCheck(valid=False, problems=(problem,), events=0)
    try:
        problems = tuple(_problems(document, public_key_pem))
        events = len(document["log"]["entries"])
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.ValidationError):
        return CertificateCheck(valid=False, problems=("it is incomplete",), events=0)
    return CertificateCheck(valid=not problems, problems=problems, events=events)


def _problems(document: Json, public_key_pem: bytes) -> Iterator[str]:
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    signature = bytes.fromhex(document["signature"])
    if not verify_signature(public_key_pem, canonical_json(unsigned), signature):
        yield "the signature is not that of this key over this content"
    checkpoint = msgspec.convert(document["log"]["checkpoint"], Checkpoint)
    if not verify_checkpoint(checkpoint, public_key_pem):
        yield "the checkpoint is not signed by this key"
    events: list[Event] = []
    for entry in document["log"]["entries"]:
        event = msgspec.convert({k: v for k, v in entry.items() if k != "proof"}, Event)
        events.append(event)
        if leaf_of(event) != event.leaf:
            yield f"log entry {event.seq} was changed"
        elif not verify_inclusion(
            leaf=event.leaf,
            seq=event.seq,
            size=checkpoint.size,
            path=entry["proof"],
            root=checkpoint.root,
        ):
            yield f"log entry {event.seq} is not in the log of the checkpoint"
    yield from _unsupported(document, events)


def _unsupported(document: Json, events: list[Event]) -> Iterator[str]:
    """Yield the claims that no log entry bears out."""
    if document["verification"]["residue"] or document["totals"]["residue"]:
        yield "its own scan found residue"
    about = f"erasure:{document['erasure']}"
    reached = {event.type for event in events if event.subject == about}
    for phase in ("suppressed", "redacted", "purged", "retired", "verified"):
        if f"erasure.{phase}" not in reached:
            yield f"the log does not say that it was {phase}"
    revised = {
        (event.subject, event.payload["before"], event.payload["after"])
        for event in events
        if event.type == "version.revised"
    }
    for dataset in document["datasets"]:
        for version in dataset["versions"]:
            if (version["ref"], version["before"], version["after"]) not in revised:
                yield f"the log does not show the redaction of {version['ref']}"
    deleted = {
        event.subject
        for event in events
        if event.type == "version.moved" and event.payload["after"] == "deleted"
    }
    for model in document["models"]:
        if model["model"] not in deleted:
            yield f"the log does not show the deletion of {model['model']}"
