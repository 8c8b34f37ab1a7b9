"""Releases over the ledger: made, checked, put in force by default or beside it, and gone back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from towpath.core.errors import Conflict
from towpath.core.refs import Ref
from towpath.operate.releases.checking import ReleaseCheck, ReleaseChecker
from towpath.operate.releases.contract import DRAIN_S
from towpath.operate.releases.pins import Pins, commit_release, pins_of
from towpath.operate.releases.placing import as_default, declared_service, line_of, require_free
from towpath.operate.releases.routes import route_of, switch
from towpath.operate.releases.trials import LedgerTrials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.core.contracts import ServiceVersion
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.route import Line, Route, Unknown

MOST_LINES: Final = 8
"""Releases that may live beside the default: every gateway holds the models of each."""


class LedgerReleases:
    """Implements `Releases` with nothing but the ledger's facets.

    Args:
        checker: Holds releases to contracts; one that looks at no signatures if None.
    """

    def __init__(self, checker: ReleaseChecker | None = None) -> None:
        self._checker = checker or ReleaseChecker()
        self.trials = LedgerTrials(self)

    def route(self, tx: Transaction, environment: str) -> Route:
        """Return what the environment's gateways follow; empty before the first deployment."""
        return route_of(tx, environment)

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
        serving = {name: one.champion.ref for name, one in services.items()}
        return self._checker.check(
            tx,
            environment,
            pins.models,
            sorted(pins.service_versions),
            serving=serving,
            in_force=self.pins(tx, environment).service_versions,
        )

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
        switch(tx, as_default(tx, route, pins, release), reason)
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
        switch(tx, route.with_line(line, most=MOST_LINES), reason)
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
        after = as_default(tx, route.clear_of(pins.service_versions), pins, release)
        services = {
            name: msgspec.structs.replace(one, left=gone.get(name, one.left))
            for name, one in after.services.items()
        }
        after = msgspec.structs.replace(after, services=services, before=before)
        switch(tx, after, reason)
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
        switch(tx, as_default(tx, route, pins, release), reason)
        return release

    def drain(self, tx: Transaction, environment: str, number: int, *, reason: str) -> None:
        """Take a release from beside the default: its service versions are answered by that."""
        route = self.route(tx, environment)
        lines = tuple(line for line in route.lines if line.release != number)
        if len(lines) < len(route.lines):
            switch(tx, msgspec.structs.replace(route, lines=lines), reason)

    def set_unknown(self, tx: Transaction, environment: str, unknown: Unknown) -> None:
        """Say what becomes of service versions that are in no release in force."""
        route = msgspec.structs.replace(self.route(tx, environment), unknown=unknown)
        switch(tx, route, f"unknown service versions: {unknown}")

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
