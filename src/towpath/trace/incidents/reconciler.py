"""Watches what becomes of incidents: fixed when there is a model that passes, closed when one serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from towpath.core.clock import SystemClock
from towpath.trace.incidents.rows import KIND, incident_of
from towpath.trace.incidents.serving import champion_of, newest_approved, serving_models

if TYPE_CHECKING:
    from towpath.assets.cases import RegressionCases
    from towpath.core.clock import Clock
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Json
    from towpath.operate.releases import Releases

_log = structlog.get_logger(__name__)
_LOOK_AGAIN_S: Final = 2.0


class IncidentReconciler:
    """Reconciles intents of kind `incident`, until they are closed.

    It compares levels: what serves and what is approved, with the cases that were kept. So it does not
    matter who retrained, and why. A waiver lets a model out; it fixes nothing, and closes no incident.
    What may serve is held to the cases here, too, so that a challenger that was on trial when a case was
    kept is not left unasked.
    """

    kinds: tuple[str, ...] = (KIND,)

    def __init__(
        self,
        ledger: Ledger,
        cases: RegressionCases,
        releases: Releases,
        *,
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._cases = cases
        self._releases = releases
        self._wall = wall or SystemClock()

    def reconcile(self, held: Intent) -> None:
        """Ask what may serve about the cases, and record what became of the incident."""
        incident = incident_of(held)
        if incident.state != "closed" and incident.cases:
            self._hold(incident.service)
        with self._ledger.write(actor=KIND) as tx:
            fresh = incident_of(tx.intents.get(KIND, held.name))
            if fresh.state == "closed":
                tx.intents.advance(held, phase="closed")
                return
            if not fresh.cases:
                tx.intents.advance(held, phase="open")
                return
            self._step(tx, held, fresh.service, fresh.cases)

    def _hold(self, service: str) -> None:
        with self._ledger.read() as tx:
            models = serving_models(tx, self._releases, service)
        for ref in models:
            self._cases.hold_all({service: ref})

    def _step(self, tx: Transaction, held: Intent, service: str, cases: tuple[str, ...]) -> None:
        champion = champion_of(tx, self._releases, service)
        newest = newest_approved(tx, service)
        if champion is not None and self._passes(tx, service, champion, cases):
            release = self._release(tx, service)
            why = f"{champion} serves, and passes {', '.join(cases)}"
            closed = {"by": KIND, "at": self._wall.now().isoformat(), "why": why}
            status = {**self._by(tx, champion), "release": release, "closed": closed}
            tx.intents.advance(held, phase="closed", status=status)
            tx.events.append("incident.closed", f"{KIND}:{held.name}", by=KIND, **status)
            _log.info("incident.closed", incident=held.name, model=str(champion))
        elif newest is not None and self._passes(tx, service, newest.ref, cases):
            status = self._by(tx, newest.ref)
            tx.intents.advance(held, phase="fixed", status=status, due_in_s=_LOOK_AGAIN_S)
            if held.status != status:
                tx.events.append("incident.fixed", f"{KIND}:{held.name}", **status)
        else:
            tx.intents.advance(held, phase="open", status={}, due_in_s=_LOOK_AGAIN_S)

    def _passes(self, tx: Transaction, service: str, model: Ref, cases: tuple[str, ...]) -> bool:
        """Tell whether a model passes those of some cases that hold anybody; false where none does."""
        held = [one for one in self._cases.standing(tx, service, model) if one.case in cases]
        return bool(held) and all(one.verdict == "pass" for one in held)

    def _by(self, tx: Transaction, model: Ref) -> Json:
        return {"fixed_by": str(model), "run": tx.versions.get(model).made_by}

    def _release(self, tx: Transaction, service: str) -> str | None:
        environment = tx.intents.get("service", service).spec["environment"]
        number = self._releases.route(tx, environment).release
        return None if number is None else f"release:{environment}@{number}"


__all__ = ["IncidentReconciler"]
