"""How models stand with the cases of a service, from the ledger alone: what every release asks.

Reads no blob and loads no model, so it may be asked inside the transaction that switches the traffic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from towpath.assets.cases.contract import HeldModel
from towpath.assets.cases.sealing import KIND, is_signed, sign
from towpath.assets.cases.waivers import waivers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from towpath.assets.cases.contract import CaseVerdict
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.keys import Keyring

_TYPE: Final = "urn:towpath:case-verdict:1"


def active_cases(tx: Transaction) -> Mapping[str, list[Version]]:
    """Return the cases that hold releases by service, newest first: one query for all of them."""
    found: dict[str, list[Version]] = {}
    for one in tx.versions.list(KIND, states=["active"], limit=None):
        found.setdefault(one.body["service"], []).append(one)
    return found


def standing_of(
    tx: Transaction,
    cases: Sequence[Version],
    model: Version,
    *,
    now: datetime,
    public_keys_pem: bytes | None,
) -> tuple[HeldModel, ...]:
    """Return how a model version stands with each of some cases, in their order.

    Args:
        tx: What is asked inside of.
        cases: A service's active ones.
        model: The version; its package is what counts.
        now: Wall time, by which waivers are in force or not.
        public_keys_pem: Whose signatures count; None: they are not looked at.
    """
    found: list[HeldModel] = []
    package: str = model.body["package"]
    for case in cases:
        verdict = verdict_on(tx, case, package, public_keys_pem)
        waived = None
        if verdict in ("fail", "unanswerable"):
            waived = next(
                (
                    one.name
                    for one in waivers_of(
                        tx, case.ref.name, now=now, public_keys_pem=public_keys_pem
                    )
                    if one.state == "in force"
                    and (one.model, one.package) == (str(model.ref), package)
                ),
                None,
            )
        found.append(
            HeldModel(
                case=case.ref.name,
                model=str(model.ref),
                package=package,
                verdict=verdict,
                waived=waived,
            )
        )
    return tuple(found)


def verdict_on(
    tx: Transaction, case: Version, package: str, public_keys_pem: bytes | None
) -> CaseVerdict:
    """Return what is known of a package and a case; what our key did not sign is not known."""
    row = tx.intents.find(KIND, case.ref.name)
    said: Any = None if row is None else row.status.get("verdicts", {}).get(package)
    if said is None or _about(case, package) != {
        key: said.get(key) for key in _about(case, package)
    }:
        return "unjudged"
    if public_keys_pem is not None and not is_signed(said, public_keys_pem):
        return "unjudged"
    return said["verdict"]


def enter_verdict(
    tx: Transaction, case: Version, model: Version, verdict: CaseVerdict, keys: Keyring
) -> None:
    """Sign and keep what came of asking a model version's package about a case. Event: `case.judged`."""
    package: str = model.body["package"]
    said: Json = sign({**_about(case, package), "verdict": verdict}, keys)
    row = tx.intents.find(KIND, case.ref.name)
    known: Json = {} if row is None else row.status.get("verdicts", {})
    status = {"verdicts": {**known, package: said}}
    if row is None:
        tx.intents.put(KIND, case.ref.name, project=case.project, spec={}, status=status, due=False)
    else:
        tx.intents.report(KIND, case.ref.name, status=status)
    tx.events.append(
        "case.judged", str(case.ref), model=str(model.ref), package=package, verdict=verdict
    )


def _about(case: Version, package: str) -> Json:
    """Return what a verdict is about: this content of this case, and these bytes of a model."""
    return {"type": _TYPE, "case": case.ref.name, "digest": case.digest, "package": package}
