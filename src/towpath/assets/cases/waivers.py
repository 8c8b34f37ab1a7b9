"""Signed statements that a model version may be released although it fails a case."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from towpath.assets.cases.contract import Waiver
from towpath.assets.cases.sealing import is_signed, sign
from towpath.core.clock import parse_time
from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from towpath.assets.cases.contract import WaiverState
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json, Version
    from towpath.storage.keys import Keyring

KIND: Final = "waiver"
LASTS_MOST: Final = timedelta(days=90)
"""A waiver bridges the time until there is a better model; what must hold for ever is no case."""

_TYPE: Final = "urn:towpath:waiver:1"
_REVOKED: Final = "revoked"
_REASON_MOST: Final = 1_000


def sign_waiver(
    tx: Transaction,
    case: Version,
    model: Version,
    *,
    reason: str,
    lasts: timedelta,
    by: str,
    now: datetime,
    keys: Keyring,
) -> Waiver:
    """Sign a waiver for one package of one model version, and record it.

    Raises:
        InvalidRequest: It lasts too long or no time at all, or no reason is given.
    """
    if not timedelta() < lasts <= LASTS_MOST:
        raise InvalidRequest(
            f"a waiver lasts longer than no time, and {LASTS_MOST.days} days at most"
        )
    if not reason.strip() or len(reason) > _REASON_MOST:
        raise InvalidRequest(
            f"a waiver needs a reason of at most {_REASON_MOST} characters",
            remedy="Say why the model may go out although it fails; it stays in the log.",
        )
    number = len(tx.intents.list(KIND, prefix=f"{case.ref.name}.w", limit=None)) + 1
    name = f"{case.ref.name}.w{number}"
    said = {
        "type": _TYPE,
        "name": name,
        "case": case.ref.name,
        "model": str(model.ref),
        "package": model.body["package"],
        "reason": reason.strip(),
        "by": by,
        "given_at": now.isoformat(),
        "expires_at": (now + lasts).isoformat(),
    }
    spec = sign(said, keys)
    row = tx.intents.put(KIND, name, project=case.project, spec=spec, phase="signed", due=False)
    told = {key: spec[key] for key in ("case", "model", "reason", "expires_at", "key_id")}
    tx.events.append("waiver.signed", f"{KIND}:{name}", **told)
    return waiver_of(row, now=now, public_keys_pem=keys.public_keys_pem)


def revoke_waiver(tx: Transaction, name: str, *, by: str) -> Intent:
    """Take a waiver back. Idempotent. Raises `NotFound`."""
    row = tx.intents.get(KIND, name)
    if row.phase == _REVOKED:
        return row
    tx.intents.report(KIND, name, status={"by": by}, phase=_REVOKED)
    tx.events.append("waiver.revoked", f"{KIND}:{name}", case=row.spec["case"])
    return tx.intents.get(KIND, name)


def waivers_of(
    tx: Transaction, case: str | None, *, now: datetime, public_keys_pem: bytes | None
) -> Iterator[Waiver]:
    """Yield waivers with their state, newest first."""
    prefix = None if case is None else f"{case}.w"
    for row in tx.intents.list(KIND, prefix=prefix, newest_first=True, limit=None):
        if case in (None, row.spec["case"]):
            yield waiver_of(row, now=now, public_keys_pem=public_keys_pem)


def waiver_of(row: Intent, *, now: datetime, public_keys_pem: bytes | None) -> Waiver:
    """Return a waiver as it stands; what our key did not sign as it is kept is forged."""
    spec = row.spec
    expires = parse_time(spec["expires_at"])
    state: WaiverState = "in force" if now < expires else "expired"
    if row.phase == _REVOKED:
        state = "revoked"
    if not _is_genuine(row.name, spec, public_keys_pem):
        state = "forged"
    return Waiver(
        name=row.name,
        case=spec["case"],
        model=spec["model"],
        package=spec["package"],
        reason=spec["reason"],
        by=spec["by"],
        given_at=parse_time(spec["given_at"]),
        expires_at=expires,
        key_id=spec.get("key_id", ""),
        signature=spec.get("signature", ""),
        state=state,
        revoked_by=row.status.get("by") if row.phase == _REVOKED else None,
    )


def _is_genuine(name: str, spec: Json, public_keys_pem: bytes | None) -> bool:
    if (spec.get("type"), spec.get("name")) != (_TYPE, name):
        return False
    return public_keys_pem is None or is_signed(spec, public_keys_pem)
