"""The route of an environment: which releases share each service's traffic right now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from towpath.core.errors import Conflict
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from towpath.core.contracts import ServiceVersion

ArmKind = Literal["champion", "challenger", "shadow", "standby"]
"""What an arm is for.

`champion` answers whoever no other arm does; `challenger` answers its share; `shadow` sees a copy of the
traffic and never answers; `standby` is loaded and waits. The last two have weight 0.
"""

TrialKind = Literal["challenger", "shadow", "standby"]
"""What an arm on trial may be."""

Unknown = Literal["default", "refuse"]


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One model version that has a part in a service's traffic.

    Attributes:
        release: Number of the environment's release that it belongs to.
        model: The model version, as text (`model:late@3`).
        package: Digest of the model package, so that a gateway needs no look-up to load it.
        weight: Share of the traffic, 0 to 1; the arms of a service add up to 1.
    """

    arm: ArmKind
    release: int
    model: str
    package: str
    weight: float

    @property
    def ref(self) -> Ref:
        """The model version as a reference."""
        return Ref.parse(self.model, "model")


class ServiceRoute(msgspec.Struct, frozen=True, kw_only=True):
    """How one service's traffic is shared out.

    Attributes:
        salt: Goes into the stable hash that puts a caller into an arm.
        arms: The champion, and the arm on trial if a rollout is going on.
        rollout: Name of the rollout that holds the service, if one does.
        previous: The arm that was champion before, of kind `standby`: gateways keep it loaded, so that
            the way back needs no loading. It has no part in the traffic, and is no reason to keep a
            model.
        left: The model version that people rolled back from; neither it nor an older one is tried
            again by itself.
        logging: What its decisions leave in the log, as `Logging.to_spec` writes it; None: everything.
        warm_up: Rows that a model must answer before it takes traffic.
        also: Inputs that consumers send by contract; a model that takes one of them no longer ignores
            it, where it would refuse another that it doesn't know.
    """

    project: str
    subject_field: str | None
    durability: Literal["ack", "relaxed"]
    salt: str
    arms: tuple[Arm, ...]
    rollout: str | None = None
    stage: int | None = None
    previous: Arm | None = None
    left: str | None = None
    logging: dict[str, Any] | None = None
    warm_up: tuple[dict[str, Any], ...] = ()
    also: tuple[str, ...] = ()

    @property
    def champion(self) -> Arm:
        """The arm that traffic falls back to."""
        return self.arms[0]

    @property
    def challenger(self) -> Arm | None:
        """The arm on trial, whether it answers or not, if a rollout is going on."""
        return self.arms[1] if len(self.arms) > 1 else None

    def with_challenger(self, challenger: Arm, *, rollout: str, stage: int) -> Self:
        """Return the route with `challenger` on trial; what it answers it takes from the champion.

        Raises:
            Conflict: Another rollout holds the service.
        """
        if self.rollout not in (None, rollout):
            raise Conflict(
                f"rollout {self.rollout!r} holds the service",
                remedy="Wait until it ends, or abort it.",
                holder=self.rollout,
            )
        champion = msgspec.structs.replace(self.champion, weight=1.0 - challenger.weight)
        return msgspec.structs.replace(
            self, arms=(champion, challenger), rollout=rollout, stage=stage, salt=rollout
        )

    def alone(self, arm: Arm) -> Self:
        """Return the route with `arm` as the champion of all traffic and no rollout.

        Whoever was champion until now stays loaded for the way back.
        """
        champion = msgspec.structs.replace(arm, arm="champion", weight=1.0)
        previous = self.previous
        if arm.model != self.champion.model:
            previous = msgspec.structs.replace(self.champion, arm="standby", weight=0.0)
        return msgspec.structs.replace(
            self, arms=(champion,), rollout=None, stage=None, previous=previous
        )


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A release that some versions of consumers are kept on, beside the environment's default.

    Attributes:
        release: The number of the release.
        service_versions: Who is on it: `checkout-web@2.4.1`.
        services: Its services. A rollout holds none of them.
        drain_s: After so many seconds in which none of them asked, the line is taken out.
        since: When it began, ISO 8601: before that nobody could have asked.
    """

    release: int
    service_versions: tuple[str, ...]
    services: dict[str, ServiceRoute]
    drain_s: float
    since: str


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """All services of one environment; the spec of the intent `route/ENVIRONMENT`.

    Attributes:
        services: The default: who states no version, or one that is on no line, is answered by these.
        release: Number of the release that the default is.
        before: Numbers of the releases that were the default before it, the last one last.
        lines: Releases that live beside it.
        unknown: What becomes of a version that is stated and never was registered.
        known: The versions that were registered and are not retired.
    """

    environment: str
    services: dict[str, ServiceRoute] = {}
    release: int | None = None
    before: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()
    unknown: Unknown = "default"
    known: tuple[str, ...] = ()

    def shares(self) -> Iterator[tuple[str, ServiceRoute]]:
        """Yield every service's share-out, the default's and then each line's."""
        yield from self.services.items()
        for line in self.lines:
            yield from line.services.items()

    def line_of(self, service_version: str | None) -> Line | None:
        """Return the line that a version is on; None for the default."""
        for line in self.lines:
            if service_version in line.service_versions:
                return line
        return None

    def replacing(self, service: str, route: ServiceRoute) -> Self:
        """Return the route with one service's share-out replaced."""
        return msgspec.structs.replace(self, services={**self.services, service: route})

    def without(self, service: str) -> Self:
        """Return the route without a service, by default and on all lines."""

        def rest(services: Mapping[str, ServiceRoute]) -> dict[str, ServiceRoute]:
            return {name: share for name, share in services.items() if name != service}

        return self._of(rest)

    def each(self, change: Callable[[str, ServiceRoute], ServiceRoute]) -> Self:
        """Return the route with each service's share-out, the default's and the lines', changed."""

        def changed(services: Mapping[str, ServiceRoute]) -> dict[str, ServiceRoute]:
            return {name: change(name, share) for name, share in services.items()}

        return self._of(changed)

    def _of(self, of: Callable[[Mapping[str, ServiceRoute]], dict[str, ServiceRoute]]) -> Self:
        lines = (msgspec.structs.replace(one, services=of(one.services)) for one in self.lines)
        return msgspec.structs.replace(self, services=of(self.services), lines=tuple(lines))

    def clear_of(self, service_versions: Iterable[ServiceVersion]) -> Self:
        """Return the route with service versions taken off the lines that they are on."""
        moving = {str(one) for one in service_versions}
        lines = (
            msgspec.structs.replace(
                line,
                service_versions=tuple(one for one in line.service_versions if one not in moving),
            )
            for line in self.lines
        )
        return msgspec.structs.replace(
            self, lines=tuple(line for line in lines if line.service_versions)
        )

    def with_line(self, line: Line, *, most: int) -> Self:
        """Return the route with a line more; one of the same release takes both's versions.

        Raises:
            Conflict: There would be more than `most`.
        """
        others = tuple(one for one in self.lines if one.release != line.release)
        same = [one for one in self.lines if one.release == line.release]
        if len(others) >= most:
            raise Conflict(
                f"{len(others)} releases live beside the default of {self.environment!r} already",
                remedy=f"Take one out first: towpath release drain {others[0].release}.",
            )
        said = {*line.service_versions, *(v for one in same for v in one.service_versions)}
        merged = msgspec.structs.replace(line, service_versions=tuple(sorted(said)))
        return msgspec.structs.replace(self, lines=(*others, merged))
