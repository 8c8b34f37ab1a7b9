"""Keeps each service on the newest approved version of its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Json, Version
    from towpath.operate.releases.contract import Releases

_log = structlog.get_logger(__name__)
_LOOK_AGAIN_S = 0.5


class ServiceReconciler:
    """Reconciles intents of kind `service`: deploy the first approved model, trial every later one.

    A version that breaks a contract of a consumer in force is not tried; the service's status says
    which contract, and how. Nor is one that does not pass a regression case of the service, one that people
    rolled back from, or an older one.

    It looks at levels, not at events: whatever approved version is newer than the champion and has
    had no trial yet gets a rollout, whether a trigger, a person or an erasure made it. One rollout at
    a time; versions that pile up meanwhile are skipped in favour of the newest.
    """

    kinds: tuple[str, ...] = ("service",)

    def __init__(
        self,
        ledger: Ledger,
        releases: Releases,
        *,
        hold: Callable[[Mapping[str, Ref]], object] | None = None,
    ) -> None:
        """See the class.

        Args:
            ledger: Where services are.
            releases: Says what is in force, and puts it there.
            hold: Asks models, by service, about regression cases, before they may be released.
        """
        self._ledger = ledger
        self._releases = releases
        self._hold = hold

    def reconcile(self, held: Intent) -> None:
        """Compare champion and newest approved version; take at most one step."""
        self._hold_newest(held)
        with self._ledger.write(actor="service") as tx:
            phase, status = self._step(tx, held)
            tx.intents.advance(held, phase=phase, status=status, due_in_s=_LOOK_AGAIN_S)

    def _hold_newest(self, held: Intent) -> None:
        """Ask what may go in force next about regression cases: that takes longer than a transaction."""
        if self._hold is None:
            return
        with self._ledger.read() as tx:
            newest = tx.versions.latest("model", held.spec["model"], states=["approved"])
        if newest is not None:
            self._hold({held.name: newest.ref})

    def _step(self, tx: Transaction, held: Intent) -> tuple[str, Json]:
        environment, model = held.spec["environment"], held.spec["model"]
        champion = self._releases.champion(tx, environment, held.name)
        newest = tx.versions.latest("model", model, states=["approved"])
        if newest is None:
            return ("waiting" if champion is None else "serving"), {}
        if champion is not None and not self._is_next(tx, held, champion, newest):
            return "serving", {}
        refused = self._refused(tx, held, newest)
        if refused:
            return ("waiting" if champion is None else "serving"), refused
        if champion is None:
            release = self._releases.deploy(
                tx,
                environment=environment,
                service=held.name,
                model=newest.ref,
                reason="first approved version",
            )
            _log.info("service.deployed", service=held.name, release=str(release.ref))
        else:
            self._open_rollout(tx, held, champion, newest)
        return "serving", {}

    def _is_next(self, tx: Transaction, held: Intent, champion: Ref, newest: Version) -> bool:
        """Tell whether the newest version is to be tried against the champion."""
        route = self._releases.route(tx, held.spec["environment"]).services[held.name]
        left = 0 if route.left is None else Ref.parse(route.left).version or 0
        if (newest.ref.version or 0) <= max(champion.version or 0, left):
            return False
        return not _is_dated(tx, newest, tx.versions.get(champion))

    def _refused(self, tx: Transaction, held: Intent, newest: Version) -> Json:
        """Return what keeps a version from being released, and tell it once; empty if nothing does."""
        environment = held.spec["environment"]
        pins = self._releases.pins(tx, environment).with_models({held.name: newest.ref})
        findings = [
            {
                "problem": one.problem,
                "remedy": one.remedy,
                "service_version": one.service_version,
                "field": one.field,
                "case": one.case,
            }
            for one in self._releases.check(tx, environment, pins).refusals
            if one.service == held.name
        ]
        if not findings:
            return {}
        status: Json = {"refused": str(newest.ref), "findings": findings}
        if held.status != status:
            tx.events.append("release.refused", f"service:{held.name}", **status)
            _log.warning("release.refused", service=held.name, model=str(newest.ref))
        return status

    def _open_rollout(self, tx: Transaction, held: Intent, champion: Ref, newest: Version) -> None:
        name = f"{held.name}.{newest.ref.version}"
        going_on = tx.intents.list("rollout", project=held.project, phases=["new", "running"])
        if any(rollout.spec["service"] == held.name for rollout in going_on):
            return
        if tx.intents.find("rollout", name) is not None:
            return  # it had its trial
        policy = dict(held.spec["rollout"])
        if tx.versions.get(champion).state == "condemned":
            # The champion must go (an erasure): a challenger that did no proven harm replaces it.
            policy["on_timeout"] = "promote"
        spec = {
            "project": held.project,
            "environment": held.spec["environment"],
            "service": held.name,
            "champion": str(champion),
            "challenger": str(newest.ref),
            **policy,
        }
        tx.intents.put("rollout", name, project=held.project, spec=spec)
        _log.info("rollout.opened", rollout=name, champion=str(champion))


def _is_dated(tx: Transaction, newest: Version, champion: Version) -> bool:
    """Whether a later version was trained for an earlier moment than the champion was.

    An erasure repeats an old recipe; when a fresher model has taken over meanwhile, that is no reason
    to go back. A condemned champion is replaced by anything.
    """
    if champion.state == "condemned":
        return False
    return _moment(tx, newest) < _moment(tx, champion)


def _moment(tx: Transaction, model: Version) -> str:
    """Return the event time that a model's run was planned for, as sortable text; empty if unknown."""
    if model.made_by is None:
        return ""
    return tx.runs.get(model.made_by).tags.get("at", "")
