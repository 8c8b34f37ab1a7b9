"""From a route to what answers: every model that it names, loaded, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from towpath.core.errors import TowpathError
from towpath.core.refs import Ref
from towpath.gateway.routes.routing import LiveArm, LiveLine, LiveService
from towpath.operate.decisions import Logging, LoggingPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from towpath.assets.models import Predictor
    from towpath.gateway.routes.routing import RoutingTable
    from towpath.operate.releases.route import Arm, Line, Route, ServiceRoute

_log = structlog.get_logger()


class RouteLoader:
    """Loads routes. A model is loaded once, however many services and releases share it.

    Args:
        environment: Whose routes they are.
        load: Opens the model of an arm, and has it answer the rows of the service's warm-up.
        keyed_hash: Puts pseudonyms in the place of inputs that are recorded as hashes.
    """

    def __init__(
        self,
        environment: str,
        load: Callable[[Arm, Sequence[Mapping[str, Any]]], Predictor],
        keyed_hash: Callable[[str, str], str],
    ) -> None:
        self._environment = environment
        self._load = load
        self._keyed_hash = keyed_hash
        self._predictors: dict[tuple[str, str], Predictor] = {}
        self._missing: tuple[str, ...] = ()

    def services(
        self, route: Route, table: RoutingTable
    ) -> tuple[dict[str, LiveService], dict[str, LiveLine], tuple[str, ...]]:
        """Return the default's services, the lines by service version, and what is broken.

        A service that fails stays as it is in `table`, if it is there, and is named as broken.
        """
        broken: list[str] = []
        services = self._all(route.services, table.services, table.broken, broken)
        lines: dict[str, LiveLine] = {}
        for line in route.lines:
            live = self._line(line, table, broken)
            lines |= dict.fromkeys(line.service_versions, live)
        return services, lines, tuple(dict.fromkeys(broken))

    def stand_by(self, route: Route) -> tuple[str, ...]:
        """Load what stands by for the way back.

        Nobody waits for these: a standby that can't be loaded is told, and breaks nothing.

        Returns:
            The models that could not be loaded.
        """
        missing: list[str] = []
        for _, share in route.shares():
            if share.previous is None:
                continue
            try:
                self._predictor(share.previous, share)
            except TowpathError as error:
                missing.append(share.previous.model)
                if share.previous.model not in self._missing:
                    _log.warning(
                        "standby.missing", model=share.previous.model, reason=error.message
                    )
        self._missing = tuple(dict.fromkeys(missing))
        return self._missing

    def keep_only(self, arms: Sequence[Arm]) -> None:
        """Let go of all models but those of some arms."""
        wanted = {_key(arm) for arm in arms}
        self._predictors = {name: one for name, one in self._predictors.items() if name in wanted}

    def _all(
        self,
        wanted: Mapping[str, ServiceRoute],
        before: Mapping[str, LiveService],
        known: tuple[str, ...],
        broken: list[str],
    ) -> dict[str, LiveService]:
        """Load services; those that fail stay as they were before, and are added to `broken`."""
        services: dict[str, LiveService] = {}
        for name, share in wanted.items():
            try:
                services[name] = self._live(name, share)
            except TowpathError as error:
                if name not in known:
                    _log.error("route.broken", service=name, reason=error.message)
                broken.append(name)
                if name in before:
                    services[name] = before[name]
        return services

    def _line(self, line: Line, table: RoutingTable, broken: list[str]) -> LiveLine:
        release = str(Ref("release", self._environment, line.release))
        before = {
            name: service
            for one in line.service_versions
            if (live := table.lines.get(one)) is not None and live.release == release
            for name, service in live.services.items()
        }
        return LiveLine(
            release=release, services=self._all(line.services, before, table.broken, broken)
        )

    def _live(self, name: str, wanted: ServiceRoute) -> LiveService:
        arms = [
            LiveArm(
                arm=arm.arm,
                release=str(Ref("release", self._environment, arm.release)),
                model=arm.model,
                version=str(arm.ref.version),
                weight=arm.weight,
                predictor=self._predictor(arm, wanted),
            )
            for arm in wanted.arms
        ]
        signatures = [arm.predictor.signature for arm in arms]
        columns = frozenset(spec.name for sig in signatures for spec in sig.inputs)
        return LiveService(
            name=name,
            subject_field=wanted.subject_field,
            durable=wanted.durability == "ack",
            salt=wanted.salt,
            rollout=wanted.rollout,
            stage=wanted.stage,
            arms=tuple(arms),
            columns=columns | frozenset(wanted.also),
            logging=self._logging(name, wanted, columns),
            outputs=frozenset(spec.name for sig in signatures for spec in sig.outputs),
            shadows=tuple(arm for arm in arms if arm.arm == "shadow"),
        )

    def _predictor(self, arm: Arm, share: ServiceRoute) -> Predictor:
        predictor = self._predictors.get(_key(arm))
        if predictor is None:
            predictor = self._predictors[_key(arm)] = self._load(arm, share.warm_up)
        return predictor

    def _logging(
        self, name: str, wanted: ServiceRoute, columns: frozenset[str]
    ) -> LoggingPolicy | None:
        """Return how a service's decisions are recorded; None where nothing is declared."""
        if wanted.logging is None:
            return None
        policy = LoggingPolicy(name, Logging.of_spec(wanted.logging), self._keyed_hash)
        if unknown := policy.redacts - columns:
            # Said, not refused: a model that no longer takes an input needs no new declaration.
            _log.warning("redaction.idle", service=name, inputs=sorted(unknown))
        return policy


def _key(arm: Arm) -> tuple[str, str]:
    """Return what a model is known by: its signature binds the one to the other."""
    return arm.model, arm.package
