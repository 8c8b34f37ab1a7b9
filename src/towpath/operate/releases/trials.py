"""The moves of a rollout, over the ledger: a challenger beside the champion, and how that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref
from towpath.operate.releases.pins import commit_release, pins_of
from towpath.operate.releases.placing import arm_of, as_default
from towpath.operate.releases.routes import route_of, switch

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.contract import Releases
    from towpath.operate.releases.route import Route, ServiceRoute, TrialKind


class LedgerTrials:
    """Implements `Trials`.

    Args:
        releases: Says what is in force, and checks what is to be.
    """

    def __init__(self, releases: Releases) -> None:
        self._releases = releases

    def split(
        self,
        tx: Transaction,
        *,
        environment: str,
        service: str,
        challenger: Ref,
        weight: float,
        rollout: str,
        stage: int,
        arm: TrialKind = "challenger",
    ) -> None:
        """Put `challenger` beside the champion, under a rollout's name."""
        if not 0 <= weight <= 1 or (weight and arm != "challenger"):
            raise ValueError(f"a {arm} can't answer {weight} of the traffic")
        route, before = _service_route(tx, environment, service)
        on_trial = before.challenger
        if before.rollout == rollout and on_trial is not None and on_trial.ref == challenger:
            placed = msgspec.structs.replace(on_trial, arm=arm, weight=weight)
        else:
            pins = self._releases.pins(tx, environment).with_models({service: challenger})
            check = self._releases.check(tx, environment, pins)
            check.about(service).demand()
            why = f"rollout:{rollout}"
            release = commit_release(tx, environment, pins, features=check.features, reason=why)
            placed = arm_of(tx, arm, release, challenger, weight=weight)
        after = before.with_challenger(placed, rollout=rollout, stage=stage)
        switch(tx, route.replacing(service, after), f"rollout:{rollout}", service)

    def promote(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> Version:
        """Make the rollout's challenger the champion with all traffic."""
        route, before = _service_route(tx, environment, service)
        if before.rollout != rollout or before.challenger is None:
            raise Conflict(f"service {service!r} is not in rollout {rollout!r}")
        winner = before.challenger
        reason = f"promoted:{rollout}"
        pins = self._releases.pins(tx, environment).with_models({service: winner.ref})
        check = self._releases.check(tx, environment, pins)
        # All else was looked at when the trial began; a case may have been kept since, or a waiver be over.
        check.about(service).of_cases().demand()
        release = tx.versions.get(Ref("release", environment, winner.release))
        if pins_of(release) != pins:  # something else was released while the rollout went on
            release = commit_release(tx, environment, pins, features=check.features, reason=reason)
        freed = route.replacing(service, before.alone(winner))
        switch(tx, as_default(tx, freed, pins, release), reason, service)
        return release

    def roll_back(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> None:
        """Return all traffic to the champion. Harmless when the service is not in this rollout."""
        route = route_of(tx, environment)
        before = route.services.get(service)
        if before is None or before.rollout != rollout:
            return
        after = before.alone(before.champion)
        switch(tx, route.replacing(service, after), f"rolled-back:{rollout}", service)


def _service_route(tx: Transaction, environment: str, service: str) -> tuple[Route, ServiceRoute]:
    route = route_of(tx, environment)
    if service not in route.services:
        raise NotFound.named(f"deployed service in {environment!r}", service, list(route.services))
    return route, route.services[service]
