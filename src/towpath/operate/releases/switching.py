"""Switches an environment as a person does it: look, switch, and wait until every gateway has followed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from towpath.core.clock import parse_time
from towpath.core.errors import GateRefused, IntegrityError, NotFound
from towpath.core.refs import Ref
from towpath.operate.releases.pins import pins_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Intent, Version
    from towpath.operate.releases.contract import Releases

_ALIVE_WITHIN: Final = timedelta(seconds=5)
_LOOK_S: Final = 0.01
FOLLOW_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Which gateways have a route.

    Attributes:
        generation: The route's.
        gateways: How many have it.
        lagging: Address of each living gateway that has not, and why, as far as it says.
        took_s: How long that was waited for.
    """

    generation: int
    gateways: int
    lagging: Mapping[str, str]
    took_s: float


class Switching:
    """Goes back to earlier releases, and tells when a switch has reached everybody. Thread-safe.

    Args:
        ledger: Where routes and gateways are.
        releases: Switches.
        verify: Reads every byte of a model version, and raises `NotFound` or `IntegrityError` where
            they are not what was signed.
        hold: Asks models, by service, about regression cases; None: whoever calls has done that.
    """

    def __init__(
        self,
        ledger: Ledger,
        releases: Releases,
        verify: Callable[[Ref], object],
        *,
        hold: Callable[[Mapping[str, Ref]], object] | None = None,
    ) -> None:
        self._ledger = ledger
        self._releases = releases
        self._verify = verify
        self._hold = hold

    def generation(self, environment: str) -> int:
        """Return the generation of the environment's route; 0 before the first."""
        with self._ledger.read() as tx:
            row = tx.intents.find("route", environment)
        return 0 if row is None else row.generation

    def roll_back(
        self, environment: str, *, to: int | None = None, actor: str = "towpath"
    ) -> tuple[Version, dict[int, str]]:
        """Make the release before the default again, or the one that is named.

        What it would change is read first, byte by byte. A release that can't be gone back to, because
        its model was deleted or its bytes are broken, is passed over for the one before it, unless it
        was named.

        Returns:
            The release in force, and why each release that was passed over can't be.

        Raises:
            GateRefused: None can be gone back to; says why of each.
        """
        with self._ledger.read() as tx:
            before = self._releases.route(tx, environment).before
        passed: dict[int, str] = {}
        for number in (to,) if to is not None else reversed(before):
            try:
                self._verify_changed(environment, number)
                with self._ledger.write(actor=actor) as tx:
                    reason = f"rolled back to release {number}"
                    return self._releases.restore(tx, environment, number, reason=reason), passed
            except (GateRefused, IntegrityError, NotFound) as error:
                passed[number] = error.message
        told = "".join(f"\n  - release {number}: {why}" for number, why in passed.items())
        raise GateRefused(
            f"{environment!r} can't be rolled back, and nothing was changed:"
            f"{told or ' it has had one release only'}",
            passed_over={str(number): why for number, why in passed.items()},
        )

    def wait(self, environment: str, generation: int, *, timeout_s: float = FOLLOW_S) -> Followed:
        """Wait until every living gateway of the environment has a route's generation, or a later one.

        One that stops to report meanwhile is waited for no longer than its last report counts.
        """
        begun = time.monotonic()
        while True:
            with self._ledger.read() as tx:
                rows = tx.intents.list("gateway", limit=None)
            living = [one for one in rows if _lives(one, environment)]
            lagging = {
                str(one.spec.get("address") or one.name): _why(one)
                for one in living
                if one.status.get("route_generation", 0) < generation
            }
            took_s = time.monotonic() - begun
            if not lagging or took_s >= timeout_s:
                return Followed(
                    generation=generation,
                    gateways=len(living) - len(lagging),
                    lagging=lagging,
                    took_s=took_s,
                )
            time.sleep(_LOOK_S)

    def _verify_changed(self, environment: str, number: int) -> None:
        """Read the models that going back to a release would put in force."""
        with self._ledger.read() as tx:
            now = self._releases.pins(tx, environment).models
            then = pins_of(tx.versions.get(Ref("release", environment, number))).models
        changed = {service: model for service, model in then.items() if now.get(service) != model}
        for model in changed.values():
            self._verify(model)
        if self._hold is not None:
            self._hold(changed)


def _lives(gateway: Intent, environment: str) -> bool:
    at = gateway.status.get("at")
    if gateway.spec.get("environment") != environment or at is None:
        return False
    return datetime.now(UTC) - parse_time(at) < _ALIVE_WITHIN


def _why(gateway: Intent) -> str:
    broken = gateway.status.get("broken") or ()
    if broken:
        return f"could not load {', '.join(broken)}; its log says why"
    return f"is at generation {gateway.status.get('route_generation', 0)}"
