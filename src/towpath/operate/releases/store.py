"""Releases kept in the ledger: versions for what is immutable, one intent for the route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref
from towpath.operate.releases.checking import ReleaseCheck, ReleaseChecker
from towpath.operate.releases.contract import DRAIN_S
from towpath.operate.releases.pins import PLATFORM, Pins, commit_release, pins_of
from towpath.operate.releases.placing import (
    arm_of,
    declared_service,
    fresh,
    in_force,
    line_of,
    refreshed,
    require_free,
    sent,
)
from towpath.operate.releases.route import Line, Route, ServiceRoute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.core.contracts import ServiceVersion
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.route import TrialKind, Unknown

MOST_LINES: Final = 8
"""Releases that may live beside the default: every gateway holds the models of each."""

_REMEMBERED: Final = 20
LINES: Final = "release_lines"
"""The intent that drains an environment's lines; see `draining`."""


class LedgerReleases:
    """Implements `Releases` with nothing but the ledger's facets.

    Args:
        checker: Holds releases to contracts; one that looks at no signatures if None.
    """

    def __init__(self, checker: ReleaseChecker | None = None) -> None:
        self._checker = checker or ReleaseChecker()

    def route(self, tx: Transaction, environment: str) -> Route:
        """Return what the environment's gateways follow; empty before the first deployment."""
        intent = tx.intents.find("route", environment)
        if intent is None:
            return Route(environment=environment)
        return msgspec.convert(intent.spec, Route)

    def champion(self, tx: Transaction, environment: str, service: str) -> Ref | None:
        """Return the model version that serves the service, or None before the first deployment."""
        route = self.route(tx, environment).services.get(service)
        return None if route is None else route.champion.ref

    def pins(self, tx: Transaction, environment: str) -> Pins:
        """Return what is in force by default."""
        route = self.route(tx, environment)
        models = {name: one.champion.ref for name, one in route.services.items()}
        if route.release is None:
            return Pins(models=models)
        release = tx.versions.get(Ref("release", environment, route.release))
        return Pins(models=models, service_versions=pins_of(release).service_versions)

    def check(self, tx: Transaction, environment: str, pins: Pins) -> ReleaseCheck:
        """Hold a release to everything that it must meet, and change nothing."""
        services = self.route(tx, environment).services
        serving = {one.champion.ref for one in services.values()}
        return self._checker.check(
            tx,
            environment,
            pins.models,
            sorted(pins.service_versions),
            serving=serving,
            in_force=self.pins(tx, environment).service_versions,
        )

    # -- releases ----------------------------------------------------------------------------------

    def put_in_force(
        self,
        tx: Transaction,
        environment: str,
        pins: Pins,
        *,
        reason: str,
        keep: Sequence[ServiceVersion] = (),
        drain_s: float = DRAIN_S,
    ) -> Version:
        """Make a release the environment's default, once it has passed its check."""
        route = self.route(tx, environment)
        for name, model in pins.models.items():
            require_free(route, name, model)
        kept = self._kept(tx, route, keep, drain_s)
        pins = pins.with_versions(without=keep)
        check = self.check(tx, environment, pins)
        check.demand()
        self._check_trials(tx, route, pins)
        release = commit_release(tx, environment, pins, features=check.features, reason=reason)
        route = route.clear_of({*pins.service_versions, *keep})
        if kept is not None:
            route = route.with_line(kept, most=MOST_LINES)
        self._switch(tx, self._as_default(tx, route, pins, release), reason)
        return release

    def put_beside(
        self,
        tx: Transaction,
        environment: str,
        pins: Pins,
        *,
        reason: str,
        drain_s: float = DRAIN_S,
    ) -> Version:
        """Put a release beside the default, for its service versions alone."""
        if not pins.service_versions:
            raise Conflict(
                "a release beside the default needs somebody whom it is for",
                remedy="Name service versions, or make it the default.",
            )
        check = self.check(tx, environment, pins)
        check.demand()
        release = commit_release(tx, environment, pins, features=check.features, reason=reason)
        route = self.route(tx, environment).clear_of(pins.service_versions)
        line = line_of(tx, release, pins, drain_s)
        self._switch(tx, route.with_line(line, most=MOST_LINES), reason)
        return release

    def restore(self, tx: Transaction, environment: str, number: int, *, reason: str) -> Version:
        """Make an earlier release the default again, once it has passed its check."""
        route = self.route(tx, environment)
        release = tx.versions.get(Ref("release", environment, number))
        pins = pins_of(release)
        # Services that came later are in no release to go back to: they stay as they are.
        since = {
            name: one.champion.ref
            for name, one in route.services.items()
            if name not in pins.models
        }
        pins = pins.with_models(since)
        check = self.check(tx, environment, pins)
        check.demand()
        if since:
            why = f"{reason}, and what came since: {', '.join(sorted(since))}"
            release = commit_release(tx, environment, pins, features=check.features, reason=why)
        gone = {
            name: one.champion.model
            for name, one in route.services.items()
            if one.champion.ref != pins.models[name]
        }
        before = route.before[: route.before.index(number)] if number in route.before else ()
        after = self._as_default(tx, route.clear_of(pins.service_versions), pins, release)
        services = {
            name: msgspec.structs.replace(one, left=gone.get(name, one.left))
            for name, one in after.services.items()
        }
        after = msgspec.structs.replace(after, services=services, before=before)
        self._switch(tx, after, reason)
        return release

    def deploy(
        self, tx: Transaction, *, environment: str, service: str, model: Ref, reason: str
    ) -> Version:
        """Create a release in which `model` serves all of `service`'s traffic, and switch to it."""
        declared_service(tx, service)
        route = self.route(tx, environment)
        require_free(route, service, model)
        pins = self.pins(tx, environment).with_models({service: model})
        check = self.check(tx, environment, pins)
        check.about(service).demand()
        release = commit_release(tx, environment, pins, features=check.features, reason=reason)
        self._switch(tx, self._as_default(tx, route, pins, release), reason)
        return release

    def drain(self, tx: Transaction, environment: str, number: int, *, reason: str) -> None:
        """Take a release from beside the default: its service versions are answered by that."""
        route = self.route(tx, environment)
        lines = tuple(line for line in route.lines if line.release != number)
        if len(lines) < len(route.lines):
            self._switch(tx, msgspec.structs.replace(route, lines=lines), reason)

    def set_unknown(self, tx: Transaction, environment: str, unknown: Unknown) -> None:
        """Say what becomes of service versions that are in no release in force."""
        route = msgspec.structs.replace(self.route(tx, environment), unknown=unknown)
        self._switch(tx, route, f"unknown service versions: {unknown}")

    def forget(self, tx: Transaction, models: Iterable[Ref]) -> None:
        """Keep none of these models on standby for the way back, in any environment."""
        gone = {str(ref) for ref in models}
        for row in tx.intents.list("route", limit=None):
            route = msgspec.convert(row.spec, Route)
            held = [one.previous for _, one in route.shares() if one.previous is not None]
            if not any(one.model in gone for one in held):
                continue

            def without(share: ServiceRoute) -> ServiceRoute:
                if share.previous is None or share.previous.model not in gone:
                    return share
                return msgspec.structs.replace(share, previous=None)

            services = {name: without(one) for name, one in route.services.items()}
            lines = tuple(
                msgspec.structs.replace(
                    line, services={name: without(one) for name, one in line.services.items()}
                )
                for line in route.lines
            )
            self._put(tx, msgspec.structs.replace(route, services=services, lines=lines))

    # -- rollouts ----------------------------------------------------------------------------------

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
        route, before = self._service_route(tx, environment, service)
        on_trial = before.challenger
        if before.rollout == rollout and on_trial is not None and on_trial.ref == challenger:
            placed = msgspec.structs.replace(on_trial, arm=arm, weight=weight)
        else:
            pins = self.pins(tx, environment).with_models({service: challenger})
            check = self.check(tx, environment, pins)
            check.about(service).demand()
            why = f"rollout:{rollout}"
            release = commit_release(tx, environment, pins, features=check.features, reason=why)
            placed = arm_of(tx, arm, release, challenger, weight=weight)
        after = before.with_challenger(placed, rollout=rollout, stage=stage)
        self._switch(tx, route.replacing(service, after), f"rollout:{rollout}", service)

    def promote(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> Version:
        """Make the rollout's challenger the champion with all traffic."""
        route, before = self._service_route(tx, environment, service)
        if before.rollout != rollout or before.challenger is None:
            raise Conflict(f"service {service!r} is not in rollout {rollout!r}")
        winner = before.challenger
        reason = f"promoted:{rollout}"
        pins = self.pins(tx, environment).with_models({service: winner.ref})
        release = tx.versions.get(Ref("release", environment, winner.release))
        if pins_of(release) != pins:  # something else was released while the rollout went on
            features = self.check(tx, environment, pins).features
            release = commit_release(tx, environment, pins, features=features, reason=reason)
        freed = route.replacing(service, before.alone(winner))
        self._switch(tx, self._as_default(tx, freed, pins, release), reason, service)
        return release

    def roll_back(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> None:
        """Return all traffic to the champion. Harmless when the service is not in this rollout."""
        route = self.route(tx, environment)
        before = route.services.get(service)
        if before is None or before.rollout != rollout:
            return
        after = before.alone(before.champion)
        self._switch(tx, route.replacing(service, after), f"rolled-back:{rollout}", service)

    def redeclare(self, tx: Transaction, *, environment: str, service: str) -> None:
        """Have gateways record what the service's declaration says from now on."""
        route = self.route(tx, environment)

        def follow(services: dict[str, ServiceRoute]) -> dict[str, ServiceRoute]:
            share = services.get(service)
            if share is None:
                return services
            return {**services, service: refreshed(tx, service, share, share.also)}

        lines = tuple(
            msgspec.structs.replace(line, services=follow(line.services)) for line in route.lines
        )
        after = msgspec.structs.replace(route, services=follow(route.services), lines=lines)
        if after != route:
            self._put(tx, after)

    def withdraw(self, tx: Transaction, *, environment: str, service: str) -> None:
        """Stop serving a service: it leaves the route."""
        route = self.route(tx, environment)
        if not any(name == service for name, _ in route.shares()):
            return
        lines = tuple(
            msgspec.structs.replace(
                line,
                services={name: one for name, one in line.services.items() if name != service},
            )
            for line in route.lines
        )
        self._put(tx, msgspec.structs.replace(route.without(service), lines=lines))
        tx.events.append(
            "route.changed",
            f"service:{service}",
            environment=environment,
            reason="no longer declared",
            arms=[],
        )

    # -- routes ------------------------------------------------------------------------------------

    def _service_route(
        self, tx: Transaction, environment: str, service: str
    ) -> tuple[Route, ServiceRoute]:
        route = self.route(tx, environment)
        if service not in route.services:
            raise NotFound.named(
                f"deployed service in {environment!r}", service, list(route.services)
            )
        return route, route.services[service]

    def _as_default(self, tx: Transaction, route: Route, pins: Pins, release: Version) -> Route:
        """Return the route with a release as its default; trials of other services go on."""
        number = release.ref.version
        assert number is not None
        also = sent(tx, pins)
        services: dict[str, ServiceRoute] = {}
        for name, model in pins.models.items():
            before = route.services.get(name)
            if before is None:
                after = fresh(tx, name, release, model)
            elif before.champion.ref == model:
                champion = msgspec.structs.replace(before.champion, release=number)
                after = msgspec.structs.replace(before, arms=(champion, *before.arms[1:]))
            else:
                after = before.alone(arm_of(tx, "champion", release, model, weight=1.0))
            services[name] = refreshed(tx, name, after, also.get(name, ()))
        before = route.before
        if route.release not in (None, number):
            before = (*(one for one in before if one != number), route.release)[-_REMEMBERED:]
        return msgspec.structs.replace(route, services=services, release=number, before=before)

    def _kept(
        self, tx: Transaction, route: Route, keep: Sequence[ServiceVersion], drain_s: float
    ) -> Line | None:
        """Return the line on which service versions of today's default stay behind."""
        if not keep:
            return None
        pins = self.pins(tx, route.environment)
        strangers = sorted(str(one) for one in set(keep) - pins.service_versions)
        if strangers or route.release is None:
            raise Conflict(
                f"{', '.join(strangers) or 'nobody'} is on the release that is the default now",
                remedy="Only who is on it can be kept on it: towpath release show.",
            )
        release = tx.versions.get(Ref("release", route.environment, route.release))
        staying = Pins(models=pins.models, service_versions=frozenset(keep))
        return line_of(tx, release, staying, drain_s)

    def _check_trials(self, tx: Transaction, route: Route, pins: Pins) -> None:
        """Hold a release to the challengers that go on beside its models, too.

        Raises:
            GateRefused: One of them breaks a contract.
        """
        trials = {
            name: one.challenger.ref
            for name, one in route.services.items()
            if one.challenger is not None
        }
        if trials:
            self.check(tx, route.environment, pins.with_models(trials)).demand()

    def _switch(
        self, tx: Transaction, route: Route, reason: str, service: str | None = None
    ) -> None:
        """Put a route in force, and say so of each service whose arms it changes."""
        before = self.route(tx, route.environment)
        known = in_force(tx, route)
        route = _standing_by(tx, msgspec.structs.replace(route, known=known), before)
        spec = self._put(tx, route)
        changed = [name for name, one in route.services.items() if one != before.services.get(name)]
        for name in changed if service is None else [service]:
            tx.events.append(
                "route.changed",
                f"service:{name}",
                environment=route.environment,
                reason=reason,
                release=route.release,
                arms=spec["services"][name]["arms"],
            )
        if before.lines != route.lines:
            tx.events.append(
                "route.changed",
                f"release:{route.environment}",
                environment=route.environment,
                reason=reason,
                lines={str(one.release): list(one.service_versions) for one in route.lines},
            )

    def _put(self, tx: Transaction, route: Route) -> dict[str, Any]:
        spec: dict[str, Any] = msgspec.to_builtins(route)
        tx.intents.put("route", route.environment, project=PLATFORM, spec=spec, due=False)
        watched = {str(line.release): line.drain_s for line in route.lines}
        if watched or tx.intents.find(LINES, route.environment) is not None:
            wanted = {"environment": route.environment, "lines": watched}
            tx.intents.put(LINES, route.environment, project=PLATFORM, spec=wanted)
        return spec


def _standing_by(tx: Transaction, route: Route, before: Route) -> Route:
    """Return the route without a new standby that may not serve: what an erasure condemned.

    Those that stood by before are taken out when they are condemned; see `forget`.
    """
    services: dict[str, ServiceRoute] = {}
    for name, one in route.services.items():
        previous, was = one.previous, before.services.get(name)
        is_new = previous is not None and (was is None or was.previous != previous)
        if (
            is_new
            and previous is not None
            and (
                previous.model == one.champion.model
                or tx.versions.get(previous.ref).state != "approved"
            )
        ):
            previous = None
        services[name] = msgspec.structs.replace(one, previous=previous)
    return msgspec.structs.replace(route, services=services)
