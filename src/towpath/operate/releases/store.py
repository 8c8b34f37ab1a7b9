"""Releases kept in the ledger: versions for what is immutable, one intent for the route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.digests import digest_json
from towpath.core.errors import Conflict, GateRefused, NotFound
from towpath.core.refs import Ref
from towpath.operate.releases.route import Arm, Route, ServiceRoute

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.route import ArmKind, TrialKind

_PLATFORM = "towpath"  # releases and routes belong to the environment, not to one project


class LedgerReleases:
    """Implements `Releases` with nothing but the ledger's facets."""

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

    def deploy(
        self, tx: Transaction, *, environment: str, service: str, model: Ref, reason: str
    ) -> Version:
        """Create a release in which `model` serves all of `service`'s traffic, and switch to it."""
        declared = tx.intents.find("service", service)
        if declared is None:
            known = [intent.name for intent in tx.intents.list("service")]
            raise NotFound.named("service", service, known)
        route = self.route(tx, environment)
        release = self._release(tx, route, service, model, reason)
        arm = self._arm(tx, "champion", release, model, weight=1.0)
        before = route.services.get(service)
        if before is not None and before.rollout is not None:
            raise Conflict(
                f"rollout {before.rollout!r} holds service {service!r}",
                remedy=f"Wait until it ends, or end it: towpath rollout abort {before.rollout}.",
            )
        after = ServiceRoute(
            project=declared.project,
            subject_field=declared.spec["subject_field"],
            durability=declared.spec["durability"],
            logging=declared.spec.get("logging"),
            salt=service,
            arms=(arm,),
        )
        self._switch(tx, route.replacing(service, after), service, reason)
        return release

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
            release = self._release(tx, route, service, challenger, f"rollout:{rollout}")
            placed = self._arm(tx, arm, release, challenger, weight=weight)
        after = before.with_challenger(placed, rollout=rollout, stage=stage)
        self._switch(tx, route.replacing(service, after), service, f"rollout:{rollout}")

    def promote(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> Version:
        """Make the rollout's challenger the champion with all traffic."""
        route, before = self._service_route(tx, environment, service)
        if before.rollout != rollout or before.challenger is None:
            raise Conflict(f"service {service!r} is not in rollout {rollout!r}")
        winner = before.challenger
        self._switch(
            tx, route.replacing(service, before.alone(winner)), service, f"promoted:{rollout}"
        )
        return tx.versions.get(Ref("release", environment, winner.release))

    def roll_back(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> None:
        """Return all traffic to the champion. Harmless when the service is not in this rollout."""
        route = self.route(tx, environment)
        before = route.services.get(service)
        if before is None or before.rollout != rollout:
            return
        after = before.alone(before.champion)
        self._switch(tx, route.replacing(service, after), service, f"rolled-back:{rollout}")

    def redeclare(self, tx: Transaction, *, environment: str, service: str) -> None:
        """Have gateways record what the service's declaration says from now on."""
        declared = tx.intents.get("service", service).spec
        said = {"durability": declared["durability"], "logging": declared.get("logging")}
        route = self.route(tx, environment)

        def follow(services: dict[str, ServiceRoute]) -> dict[str, ServiceRoute]:
            if service not in services:
                return services
            return {**services, service: msgspec.structs.replace(services[service], **said)}

        lines = tuple(
            msgspec.structs.replace(line, services=follow(line.services)) for line in route.lines
        )
        after = msgspec.structs.replace(route, services=follow(route.services), lines=lines)
        if after != route:
            self._put(tx, after)

    def withdraw(self, tx: Transaction, *, environment: str, service: str) -> None:
        """Stop serving a service: it leaves the route."""
        route = self.route(tx, environment)
        if service in route.services:
            self._put(tx, route.without(service))
            tx.events.append(
                "route.changed",
                f"service:{service}",
                environment=environment,
                reason="no longer declared",
                arms=[],
            )

    def _service_route(
        self, tx: Transaction, environment: str, service: str
    ) -> tuple[Route, ServiceRoute]:
        route = self.route(tx, environment)
        if service not in route.services:
            raise NotFound.named(
                f"deployed service in {environment!r}", service, list(route.services)
            )
        return route, route.services[service]

    def _release(
        self, tx: Transaction, route: Route, service: str, model: Ref, reason: str
    ) -> Version:
        """Commit the release that differs from today's in this one service's model."""
        state = tx.versions.get(model).state
        if state != "approved":
            raise GateRefused(
                f"{model} is {state}, not approved",
                remedy=f"See its gates: towpath model show {model.name}@{model.version}.",
                model=str(model),
            )
        models = {name: str(other.champion.ref) for name, other in route.services.items()}
        models[service] = str(model)
        services: dict[str, dict[str, str]] = {}
        for name, chosen in sorted(models.items()):
            declared = tx.versions.latest("service", name)
            pinned = {} if declared is None else {"service": str(declared.ref)}
            services[name] = {"model": chosen, **pinned}
        body = {"environment": route.environment, "services": services, "reason": reason}
        tx.versions.declare("release", route.environment, project=_PLATFORM)
        release = tx.versions.commit(
            "release", route.environment, digest=digest_json(body), body=body
        )
        for pinned in services.values():
            for part in pinned.values():
                tx.graph.link(release.ref, "includes", Ref.parse(part))
        return release

    def _arm(
        self, tx: Transaction, arm: ArmKind, release: Version, model: Ref, *, weight: float
    ) -> Arm:
        package = tx.versions.get(model).body["package"]
        number = release.ref.version
        assert number is not None
        return Arm(arm=arm, release=number, model=str(model), package=package, weight=weight)

    def _switch(self, tx: Transaction, route: Route, service: str, reason: str) -> None:
        spec = self._put(tx, route)
        tx.events.append(
            "route.changed",
            f"service:{service}",
            environment=route.environment,
            reason=reason,
            arms=spec["services"][service]["arms"],
        )

    def _put(self, tx: Transaction, route: Route) -> dict[str, Any]:
        spec: dict[str, Any] = msgspec.to_builtins(route)
        tx.intents.put("route", route.environment, project=_PLATFORM, spec=spec, due=False)
        return spec
