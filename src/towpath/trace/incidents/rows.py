"""An incident as a row of the ledger: what people said of it is its spec, what became of it its status."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from towpath.core.clock import parse_time
from towpath.core.errors import Conflict
from towpath.trace.incidents.contract import MOVES, Evidence, Incident, Suspect, Triage

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json
    from towpath.trace.incidents.contract import IncidentState

KIND: Final = "incident"


def incident_of(row: Intent) -> Incident:
    """Read an incident; spec and status are written by different parties, so its state is of both."""
    spec, status = row.spec, row.status
    closed: Json = spec.get("closed") or status.get("closed") or {}
    return Incident(
        id=row.name,
        title=spec["title"],
        service=spec["service"],
        project=row.project,
        state=_state(row),
        model=spec["model"],
        opened_by=spec["by"],
        opened_at=row.created_at,
        alert=spec.get("alert"),
        evidence=tuple(_evidence(one) for one in spec["evidence"]),
        triage=None if spec.get("triage") is None else _triage(row.name, spec["triage"]),
        cases=tuple(spec.get("cases", ())),
        fixing=spec.get("fixing"),
        fixed_by=status.get("fixed_by"),
        run=status.get("run"),
        release=status.get("release"),
        closed_by=closed.get("by"),
        closed_at=parse_time(closed["at"]) if closed else None,
        why=closed.get("why", ""),
    )


def change(tx: Transaction, incident: str, to: IncidentState | None = None, **said: Any) -> Intent:
    """Say more of an incident, and have the controller look at it.

    Raises:
        NotFound: There is no such incident.
        Conflict: It can't go there from where it is, or is closed.
    """
    row = tx.intents.get(KIND, incident)
    state = _state(row)
    if state == "closed" or (to is not None and to not in MOVES[state]):
        raise Conflict(
            f"incident {incident!r} is {state}",
            remedy="Open another one: towpath incident open.",
        )
    spec = {**row.spec, **said}
    return tx.intents.put(KIND, incident, project=row.project, spec=spec)


def evidence_spec(one: Evidence) -> Json:
    """Return a decision of an incident as its row keeps it."""
    return {**asdict(one), "at": one.at.isoformat()}


def triage_spec(triage: Triage) -> Json:
    """Return a triage as an incident's row keeps it: without training rows."""
    return {
        "at": triage.at.isoformat(),
        "by": triage.by,
        "since": triage.since.isoformat(),
        "until": triage.until.isoformat(),
        "suspects": [{**asdict(one), "refs": list(one.refs)} for one in triage.suspects],
        "notes": list(triage.notes),
    }


def _state(row: Intent) -> IncidentState:
    if row.spec.get("closed") or row.phase == "closed":
        return "closed"
    if row.phase == "fixed":
        return "fixed"
    return "open" if row.spec.get("triage") is None else "triaged"


def _evidence(one: Json) -> Evidence:
    said: dict[str, Any] = {**one, "at": parse_time(one["at"])}
    return Evidence(**said)


def _triage(incident: str, said: Json) -> Triage:
    suspects: list[Suspect] = []
    for kept in said["suspects"]:
        one: dict[str, Any] = {**kept, "refs": tuple(kept["refs"])}
        suspects.append(Suspect(**one))
    return Triage(
        incident=incident,
        at=parse_time(said["at"]),
        by=said["by"],
        since=parse_time(said["since"]),
        until=parse_time(said["until"]),
        suspects=tuple(suspects),
        notes=tuple(said["notes"]),
    )


__all__ = ["KIND", "change", "evidence_spec", "incident_of", "triage_spec"]
