"""The routing table: which model answers for which service, and who is not served any more."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from towpath.core.contracts import ServiceVersion
from towpath.core.errors import InvalidRequest, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from towpath.assets.models import Predictor
    from towpath.operate.decisions import LoggingPolicy

PINNED: Final = "pinned"
"""The arm of a decision whose caller named the version: no part of a comparison of arms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveArm:
    """A loaded model that takes a share of a service's traffic.

    Attributes:
        release: Reference of the release, `release:production@3`.
        model: Reference of the model version, `model:late@3`; `version` is its number as text.
        arm: `champion`, `challenger`, `shadow` (sees, never answers) or `standby` (waits).
        weight: Share of the traffic, 0 to 1; 0 for the last two.
    """

    arm: str
    release: str
    model: str
    version: str
    weight: float
    predictor: Predictor


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveService:
    """A service and its arms, champion first.

    Attributes:
        shadows: Arms that see a copy of each request; empty most of the time.
        columns: All inputs that any arm takes; one beyond them is a caller's mistake.
        outputs: All outputs that any arm gives.
        durable: Whether an answer waits until its decision is on disk.
        logging: Says which decisions are recorded and what of their inputs; None: all as they are.
    """

    name: str
    subject_field: str | None
    durable: bool
    salt: str
    rollout: str | None
    stage: int | None
    arms: tuple[LiveArm, ...]
    columns: frozenset[str]
    outputs: frozenset[str]
    logging: LoggingPolicy | None = None
    shadows: tuple[LiveArm, ...] = ()

    def arm_for(self, unit: str) -> LiveArm:
        """Return the arm of a caller: the same one every time, and from stage to stage.

        A hash of salt and unit gives a point in [0, 1). Challengers lie from 0 upwards, so raising a
        weight moves callers from the champion to the challenger and none the other way.
        """
        champion = self.arms[0]
        if len(self.arms) == 1:
            return champion
        digest = blake2b(f"{self.salt}\0{unit}".encode(), digest_size=8).digest()
        point = int.from_bytes(digest) / 2.0**64
        reach = 0.0
        for arm in self.arms[1:]:
            reach += arm.weight  # 0 for a shadow and a standby, which so answer nobody
            if point < reach:
                return arm
        return champion

    def arm_of_version(self, version: str) -> LiveArm:
        """Return the arm that serves a version of the model.

        Raises:
            NotFound: No arm does; what a shadow says is nobody's answer.
        """
        serving = [arm for arm in self.arms if arm.arm != "shadow"]
        for arm in serving:
            if arm.version == version:
                return arm
        raise NotFound(
            f"version {version!r} of {self.name!r} is not being served",
            remedy=f"Served: {', '.join(sorted(arm.version for arm in serving))}.",
            service=self.name,
        )


class Asked:
    """When each version of a consumer asked last: one value that all tables of a gateway share.

    The event loop writes it and the follower's thread reads it, a key at a time.
    """

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def note(self, service_version: str) -> None:
        """Take down that a version asks now."""
        self._at[service_version] = time.time()

    def report(self, known: frozenset[str]) -> dict[str, str]:
        """Return when each of some versions asked last, by wall time, and forget others."""
        at = {one: self._at[one] for one in known if one in self._at}
        for one in self._at.keys() - known:
            del self._at[one]
        return {one: datetime.fromtimestamp(when, UTC).isoformat() for one, when in at.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLine:
    """A release that some versions of consumers are kept on, loaded.

    Attributes:
        release: Its reference, `release:production@3`.
    """

    release: str
    services: Mapping[str, LiveService]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTable:
    """Everything a request needs to know, in one immutable value; a change is one assignment.

    Attributes:
        route_generation: Generation of the route that is served, 0 before the first.
        suppression_generation: Up to which position the ledger's list of withdrawals is followed.
        suppressed: The keyed hashes of who withdrew: one set that all tables of a gateway share, and that
            only grows.
        broken: Services whose newest route could not be loaded; they stay on the one before, if any.
        loaded: Whether the ledger has been read at all.
        release: Reference of the environment's release, `release:production@3`, once there is one.
        lines: By the version of a consumer (`checkout-web@2.4.1`): the release that it is kept on.
        known: Versions of consumers that are part of a release in force.
        refuses_unknown: Whether another version, when it is stated, is refused.
        asked: Which of them asked, and when.
        is_stale: Whether the list of subjects is too old to go by; see `require_fresh`.
    """

    services: Mapping[str, LiveService] = field(default_factory=dict)
    route_generation: int = 0
    suppression_generation: int = 0
    suppressed: AbstractSet[str] = frozenset()
    broken: tuple[str, ...] = ()
    loaded: bool = False
    release: str | None = None
    lines: Mapping[str, LiveLine] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    refuses_unknown: bool = False
    asked: Asked = field(default_factory=Asked)
    is_stale: bool = False

    def withdrawn(self) -> AbstractSet[str]:
        """Return the keyed hashes of who withdrew, to whoever is about to do something about a subject.

        Raises:
            Unavailable: As `require_fresh` does; or nobody has said yet who that is.
        """
        if not self.loaded:
            raise Unavailable(
                "this gateway does not know yet who has withdrawn", remedy="Try again in a moment."
            )
        self.require_fresh()
        return self.suppressed

    def require_fresh(self) -> None:
        """Refuse what is about a subject when it is not known any more who has withdrawn.

        Raises:
            Unavailable: The ledger has been out of reach for longer than `gateway_stale_h`.
        """
        if self.is_stale:
            raise Unavailable(
                "this gateway has not heard for too long who has withdrawn",
                remedy="Bring its database back. What is about nobody is answered.",
            )

    def service(self, name: str, service_version: str | None = None) -> LiveService:
        """Return a service by its name, or by that of the model it serves if no other serves it.

        Args:
            name: The service's, or the model's.
            service_version: The version that the caller stated, as `stated` returned it.

        Raises:
            NotFound: There is none, or several serve that model.
            Unavailable: The gateway has read no route yet.
        """
        services = self.services if service_version is None else self.services_for(service_version)
        found = services.get(name)
        if found is not None:
            return found
        if not self.loaded or name in self.broken:
            raise Unavailable(f"{name!r} is not ready yet", remedy="Try again in a moment.")
        serving = [
            service
            for service in services.values()
            if service.arms[0].model.startswith(f"model:{name}@")
        ]
        if len(serving) == 1:
            return serving[0]
        if serving:
            names = ", ".join(sorted(service.name for service in serving))
            raise NotFound(
                f"several services serve the model {name!r}", remedy=f"Name one: {names}."
            )
        raise NotFound.named("service or model", name, services)

    def services_for(self, service_version: str | None) -> Mapping[str, LiveService]:
        """Return the services of the release that answers a version."""
        line = None if service_version is None else self.lines.get(service_version)
        return self.services if line is None else line.services

    def release_for(self, service_version: str | None) -> str | None:
        """Return the release that answers a version; None before the first."""
        line = None if service_version is None else self.lines.get(service_version)
        return self.release if line is None else line.release

    def stated(self, service_version: str | None) -> str | None:
        """Take down that a version of a consumer asks, and return it as it is written; None for none.

        Raises:
            InvalidName: It is no version of anything.
            InvalidRequest: It is part of no release in force, and the environment refuses such.
        """
        if not service_version:
            return None
        if service_version in self.known:
            self.asked.note(service_version)
            return service_version
        said = str(ServiceVersion.parse(service_version))
        if said in self.known:
            self.asked.note(said)
        elif self.refuses_unknown:
            raise InvalidRequest(
                f"{said} is part of no release that is in force here",
                remedy=f"Release it: towpath release deploy --service-version {said}",
                service_version=said,
            )
        return said
