"""Incidents over a ledger, a decision log and regression cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.assets.cases import NewCase
from towpath.core.clock import SystemClock
from towpath.core.errors import Conflict, InvalidRequest, NotFound
from towpath.trace.explaining.recorded import find_recorded
from towpath.trace.incidents.fixing import start_fix
from towpath.trace.incidents.opening import (
    open_from_alert,
    open_from_decisions,
    require_present,
)
from towpath.trace.incidents.rows import (
    KIND,
    change,
    evidence_spec,
    incident_of,
    triage_spec,
)
from towpath.trace.incidents.serving import serving_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.cases import Expectation, RegressionCase, RegressionCases
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.releases import Releases
    from towpath.trace.explaining.recorded import Recorded
    from towpath.trace.incidents.contract import Incident, IncidentState, Triage
    from towpath.trace.incidents.triaging import Triager

_log = structlog.get_logger(__name__)


class LedgerIncidents:
    """Implements `Incidents`.

    Args:
        ledger: Where incidents are.
        decisions: What they are about.
        cases: What is kept of them.
        releases: Says what serves.
        triager: Says what may have caused them.
        clock: Event time: for which moment a retraining is asked.
        wall: When things were said.
    """

    def __init__(
        self,
        ledger: Ledger,
        decisions: DecisionLog,
        cases: RegressionCases,
        releases: Releases,
        *,
        triager: Triager,
        clock: Clock,
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._decisions = decisions
        self._cases = cases
        self._releases = releases
        self._triager = triager
        self._clock = clock
        self._wall = wall or SystemClock()

    def open(
        self,
        *,
        decisions: Sequence[str] = (),
        alert: str | None = None,
        title: str = "",
        actor: str,
    ) -> Incident:
        """Open an incident; see `Incidents.open`."""
        if bool(decisions) == (alert is not None):
            raise InvalidRequest("an incident is opened from decisions, or from an alert")
        if alert is not None:
            about = open_from_alert(self._ledger, self._decisions, alert, title)
        else:
            about = open_from_decisions(self._ledger, self._decisions, decisions, title)
        with self._ledger.write(actor=actor) as tx:
            if alert is None:
                require_present(tx, about.evidence)
            gone = tx.withdrawals.among({one.subject for one in about.evidence if one.subject})
            evidence = [one for one in about.evidence if one.subject not in gone]
            rows = tx.intents.list(KIND, prefix=f"{about.service}.", limit=None)
            number = sum(1 for one in rows if one.spec["service"] == about.service) + 1
            name = f"{about.service}.{number}"
            spec = {
                "title": about.title,
                "service": about.service,
                "model": about.model,
                "alert": about.alert,
                "evidence": [evidence_spec(one) for one in evidence],
                "by": actor,
            }
            row = tx.intents.put(KIND, name, project=about.project, spec=spec, phase="open")
            tx.events.append(
                "incident.opened",
                f"{KIND}:{name}",
                service=about.service,
                model=about.model,
                alert=about.alert,
                decisions=[one.decision for one in evidence],
                title=about.title,
            )
            for one in evidence:
                subject = f"decision:{one.decision}"
                tx.events.append("decision.read", subject, payload=False, incident=name)
        _log.info("incident.opened", incident=name, service=about.service)
        return incident_of(row)

    def list(
        self,
        *,
        service: str | None = None,
        states: Sequence[IncidentState] | None = None,
        limit: int = 100,
    ) -> list[Incident]:
        """Return incidents, newest first."""
        with self._ledger.read() as tx:
            rows = tx.intents.list(KIND, newest_first=True, limit=None)
        found = (incident_of(row) for row in rows if service in (None, row.spec["service"]))
        return [one for one in found if states is None or one.state in states][:limit]

    def get(self, incident: str) -> Incident:
        """Return an incident. Raises `NotFound`."""
        with self._ledger.read() as tx:
            return incident_of(tx.intents.get(KIND, incident))

    def triage(self, incident: str, *, actor: str, near: int = 0, keys: bool = False) -> Triage:
        """Compute and keep what may have caused it; see `Incidents.triage`."""
        found = self.get(incident)
        if found.state == "closed":
            raise Conflict(f"incident {incident!r} is closed", remedy="Open another one.")
        with self._ledger.write(actor=actor) as tx:
            tx.events.append(
                "decisions.read",
                f"service:{found.service}",
                incident=incident,
                **({"keys": keys} if near else {}),
            )
        triage = self._triager.triage(
            found, by=actor, at=self._wall.now(), now=self._clock.now(), near=near, keys=keys
        )
        with self._ledger.write(actor=actor) as tx:
            change(tx, incident, "triaged", triage=triage_spec(triage))
            counted: dict[str, int] = {}
            for one in triage.suspects:
                counted[one.kind] = counted.get(one.kind, 0) + 1
            tx.events.append("incident.triaged", f"{KIND}:{incident}", suspects=counted)
        return triage

    def keep(
        self,
        incident: str,
        expectation: Expectation,
        *,
        decision: str | None = None,
        name: str | None = None,
        actor: str,
    ) -> RegressionCase:
        """Keep a decision as a regression case; see `Incidents.keep`."""
        found = self.get(incident)
        ids = [one.decision for one in found.evidence]
        wanted = decision or (ids[0] if ids else None)
        if wanted is None or wanted not in ids:
            raise NotFound(
                f"incident {incident!r} has no decision {str(wanted or '')[:64]!r}",
                remedy="See its decisions: towpath incident show " + incident,
            )
        with self._ledger.write(actor=actor) as tx:
            tx.events.append("decision.read", f"decision:{wanted}", incident=incident)
        recorded = find_recorded(self._ledger, self._decisions, wanted)
        _require_repeatable(recorded, expectation)
        case = name or f"{incident}.{len(found.cases) + 1}"
        with self._ledger.read() as tx:
            against = serving_models(tx, self._releases, found.service)

        def name_it(tx: Transaction) -> None:
            cases = tx.intents.get(KIND, incident).spec.get("cases", ())
            change(tx, incident, cases=[*cases, case])

        return self._cases.keep(
            NewCase(
                name=case,
                service=found.service,
                project=found.project,
                incident=incident,
                decision=wanted,
                model=recorded.version.ref,
                expectation=expectation,
                subject=recorded.decision.subject,
                inputs={column: recorded.decision.inputs[column] for column in recorded.names},
            ),
            actor=actor,
            against=against,
            also=name_it,
        )

    def fix(self, incident: str, *, trigger: str | None = None, actor: str) -> str:
        """Start a retraining; see `Incidents.fix`."""
        with self._ledger.write(actor=actor) as tx:
            row = tx.intents.get(KIND, incident)
            if not row.spec.get("cases"):
                raise Conflict(
                    f"incident {incident!r} has no regression case, "
                    "so nothing would tell whether it is fixed",
                    remedy=f"Keep one: towpath incident keep {incident} --expect '>= 0.5'",
                )
            started = start_fix(tx, row, trigger, by=actor, now=self._clock.now())
            asked = int(row.spec.get("asked", 0)) + 1
            change(tx, incident, fixing=started, asked=asked)
            tx.events.append("incident.fixing", f"{KIND}:{incident}", started=started)
        return started

    def close(self, incident: str, *, why: str, actor: str) -> Incident:
        """Close an incident by hand; see `Incidents.close`."""
        with self._ledger.write(actor=actor) as tx:
            row = tx.intents.get(KIND, incident)
            if incident_of(row).state != "closed":
                closed = {"by": actor, "at": self._wall.now().isoformat(), "why": why}
                row = change(tx, incident, "closed", closed=closed)
                tx.events.append("incident.closed", f"{KIND}:{incident}", by=actor, why=why)
        return incident_of(row)


def _require_repeatable(recorded: Recorded, expectation: Expectation) -> None:
    """Refuse to keep what no model could be asked again.

    Raises:
        InvalidRequest: Inputs were not recorded as the model saw them, or there is no such output.
    """
    if recorded.lost:
        raise InvalidRequest(
            f"the input {recorded.lost[0]!r} of this decision was redacted when it was recorded",
            remedy="Only a decision recorded with all that the model saw can be asked again.",
            columns=list(recorded.lost),
        )
    outputs = [one["name"] for one in recorded.version.body["signature"]["outputs"]]
    if expectation.output is not None and expectation.output not in outputs:
        raise InvalidRequest(
            f"the model answers {', '.join(outputs)}, and not {expectation.output!r}",
            remedy=f"Write, for instance: '{outputs[0]} >= 0.5'.",
        )


__all__ = ["LedgerIncidents"]
