"""What an incident begins with: decisions, or an alert and the decisions that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from towpath.core.errors import InvalidRequest, NotFound, Withdrawn
from towpath.operate.monitoring.alerts import KIND as ALERT
from towpath.operate.monitoring.examples import examples_of
from towpath.trace.explaining.recorded import find_recorded
from towpath.trace.incidents.contract import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.operate.decisions.contract import DecisionLog

_DECISIONS_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an incident is about."""

    service: str
    project: str
    model: str
    evidence: tuple[Evidence, ...]
    title: str
    alert: str | None = None


def open_from_decisions(
    ledger: Ledger, decisions: DecisionLog, ids: Sequence[str], title: str
) -> Opening:
    """Return what recorded decisions are about.

    Raises:
        NotFound: One is not in the log.
        InvalidRequest: There are too many, or they are of several services.
    """
    wanted = list(dict.fromkeys(ids))
    if not 1 <= len(wanted) <= _DECISIONS_MOST:
        raise InvalidRequest(f"an incident is opened from 1 to {_DECISIONS_MOST} decisions")
    found = [_evidence(ledger, decisions, one) for one in wanted]
    services = {service for service, _ in found}
    if len(services) > 1:
        raise InvalidRequest(
            f"these decisions are of several services: {', '.join(sorted(services))}",
            remedy="Open an incident for each.",
        )
    service = services.pop()
    evidence = tuple(one for _, one in found)
    with ledger.read() as tx:
        project = _project(tx, service, evidence[0].model)
    many = "a wrong answer" if len(evidence) == 1 else f"{len(evidence)} wrong answers"
    return Opening(
        service=service,
        project=project,
        model=evidence[0].model,
        evidence=evidence,
        title=title or f"{many} of {service}",
    )


def open_from_alert(ledger: Ledger, decisions: DecisionLog, name: str, title: str) -> Opening:
    """Return what an alert is about, with those of its decisions that are still there.

    Raises:
        NotFound: There is no such alert.
        InvalidRequest: It is about no model.
    """
    with ledger.read() as tx:
        alert = tx.intents.get(ALERT, name)
    if alert.spec.get("model") is None:
        raise InvalidRequest(
            f"the alert {name!r} is about no model, so there is nothing to retrain"
        )
    evidence: list[Evidence] = []
    for one in examples_of(alert)[:_DECISIONS_MOST]:
        try:
            evidence.append(_evidence(ledger, decisions, one)[1])
        except NotFound:  # too old to be kept, or of somebody who was erased
            continue
    return Opening(
        service=alert.spec["service"],
        project=alert.project,
        model=alert.spec["model"],
        evidence=tuple(evidence),
        title=title or str(alert.spec["summary"]),
        alert=name,
    )


def require_present(tx: Transaction, evidence: Sequence[Evidence]) -> None:
    """Refuse to keep what is about somebody who has withdrawn.

    Raises:
        Withdrawn: One of them has.
    """
    subjects = {one.subject for one in evidence if one.subject is not None}
    if tx.withdrawals.among(subjects):
        raise Withdrawn(
            "the subject of one of these decisions has withdrawn",
            remedy="Their decisions go with the erasure; open it from others that show the same.",
        )


def _evidence(ledger: Ledger, decisions: DecisionLog, decision: str) -> tuple[str, Evidence]:
    recorded = find_recorded(ledger, decisions, decision)
    found = recorded.decision
    evidence = Evidence(
        decision=found.decision_id,
        at=found.at,
        subject=found.subject,
        model=found.model,
        release=found.release,
        run=recorded.version.made_by,
    )
    return found.service, evidence


def _project(tx: Transaction, service: str, model: str) -> str:
    declared = tx.intents.find("service", service)
    if declared is not None:
        return declared.project
    named = model.partition(":")[2].partition("@")[0]
    return next(one.project for one in tx.versions.assets("model") if one.name == named)


__all__ = ["Opening", "open_from_alert", "open_from_decisions", "require_present"]
