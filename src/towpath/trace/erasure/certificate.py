"""The certificate: what was done, signed, with proofs that the log has recorded it.

One JSON document. `signature` is Ed25519 over the canonical JSON of everything else; each log entry
carries its audit path (RFC 9162, section 2.1.3) to the root of a signed checkpoint. Whoever has the
public key can check all of it offline; see `checking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.digests import canonical_json
from towpath.core.refs import Ref
from towpath.trace.erasure.remaking import remaking_of

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Checkpoint, Event, Json
    from towpath.storage.keys import Keyring
    from towpath.trace.erasure.state import CondemnedModel, State
    from towpath.trace.erasure.work import Work

KIND = "erasure-certificate"
FORMAT = 1


def draw_up(tx: Transaction, work: Work, checkpoint: Checkpoint, *, at: datetime) -> Json:
    """Return the unsigned document. It holds nothing personal: the subject is a keyed hash."""
    state = work.state
    entries = _entries(tx, work, before=checkpoint.size)
    return {
        "towpath": KIND,
        "format": FORMAT,
        "erasure": work.id,
        "field": work.request.field,
        "subject": work.request.subject,
        "requested_at": work.request.requested_at.isoformat(),
        "riders": [
            {"erasure": name, "subject": one.subject, "requested_at": one.requested_at.isoformat()}
            for name, one in work.requests(tx)[1:]
        ],
        "certified_at": at.isoformat(),
        "steps": list(state.steps),
        "totals": state.totals,
        "datasets": msgspec.to_builtins(state.datasets),
        "decisions": {
            "removed": state.decisions,
            "labels": state.labels,
            "signals": state.signals,
            "files": state.decision_files,
        },
        "artefacts": list(state.artefacts),
        "models": [
            {**_model(tx, ref, model), **_membership(state, ref)}
            for ref, model in sorted(state.models.items())
        ],
        "copies": msgspec.to_builtins(state.copies),
        "verification": state.scan,
        "out_of_reach": list(state.beyond),
        "log": {
            "checkpoint": msgspec.to_builtins(checkpoint),
            "entries": [_proven(tx, event, checkpoint.size) for event in entries],
        },
    }


def sign(document: Json, keyring: Keyring) -> bytes:
    """Return the certificate: the document with the key's id and its signature."""
    signed = {**document, "key_id": keyring.key_id}
    signature = keyring.sign(canonical_json(signed)).hex()
    return canonical_json({**signed, "signature": signature})


def _entries(tx: Transaction, work: Work, *, before: int) -> list[Event]:
    """Return the log's entries about this erasure: its phases, and what it revised and moved."""
    own = tx.events.read(subject=f"erasure:{work.id}", limit=None)
    found = [event for event in own if event.seq < before]
    first = found[0].seq if found else before
    types = ("version.revised", "version.moved")
    for text in (*map(str, work.state.sources), *work.state.models):
        about = tx.events.read(after=first, types=types, subject=text, limit=None)
        found.extend(event for event in about if event.seq < before)
    return sorted(found, key=lambda event: event.seq)


def _proven(tx: Transaction, event: Event, size: int) -> dict[str, Any]:
    entry: dict[str, Any] = msgspec.to_builtins(event)
    return {**entry, "proof": tx.events.inclusion(event.seq, size)}


def _membership(state: State, ref: str) -> Json:
    """Return what was tested of a model's replacement, where anything was."""
    found = state.membership.get(ref)
    return {} if found is None else {"membership": found}


def _model(tx: Transaction, ref: str, model: CondemnedModel) -> Json:
    """Return what became of a model, with the rollout that brought its replacement in."""
    replaced = model.replacement
    shown: Json = {
        "model": ref,
        "package": model.package,
        "services": list(model.services),
        "replacement": replaced,
    }
    if replaced is None:
        return shown
    version = Ref.parse(replaced, "model")
    body = tx.versions.get(version).body
    shown["replacement_package"] = body["package"]
    shown["unlearning"] = remaking_of(tx, model.run, body.get("run"))
    shown["rollouts"] = {}
    for service in model.services:
        rollout = tx.intents.find("rollout", f"{service}.{version.version}")
        if rollout is not None:
            wanted = ("outcome", "evidence")
            shown["rollouts"][rollout.name] = {key: rollout.status.get(key) for key in wanted}
    return shown
