"""The route of an environment: which releases share each service's traffic right now."""

from __future__ import annotations

from typing import Literal, Self

import msgspec

from towpath.core.errors import Conflict
from towpath.core.refs import Ref


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One model version that takes a share of a service's traffic.

    Attributes:
        release: Number of the environment's release that it belongs to.
        model: The model version, as text (`model:late@3`).
        package: Digest of the model package, so that a gateway needs no look-up to load it.
        weight: Share of the traffic, 0 to 1; the arms of a service add up to 1.
    """

    arm: Literal["champion", "challenger"]
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
        rollout: Name of the rollout that holds the service, if one does.
    """

    project: str
    subject_field: str | None
    durability: Literal["ack", "relaxed"]
    salt: str
    arms: tuple[Arm, ...]
    rollout: str | None = None
    stage: int | None = None

    @property
    def champion(self) -> Arm:
        """The arm that traffic falls back to."""
        return self.arms[0]

    @property
    def challenger(self) -> Arm | None:
        """The arm on trial, if a rollout is going on."""
        return self.arms[1] if len(self.arms) > 1 else None

    def with_challenger(self, challenger: Arm, *, rollout: str, stage: int) -> Self:
        """Return the route with `challenger` taking its weight from the champion.

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
        """Return the route with `arm` as the champion of all traffic and no rollout."""
        champion = msgspec.structs.replace(arm, arm="champion", weight=1.0)
        return msgspec.structs.replace(self, arms=(champion,), rollout=None, stage=None)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """All services of one environment; the spec of the intent `route/ENVIRONMENT`."""

    environment: str
    services: dict[str, ServiceRoute] = {}

    def replacing(self, service: str, route: ServiceRoute) -> Self:
        """Return the route with one service's share-out replaced."""
        return msgspec.structs.replace(self, services={**self.services, service: route})

    def without(self, service: str) -> Self:
        """Return the route without a service."""
        rest = {name: route for name, route in self.services.items() if name != service}
        return msgspec.structs.replace(self, services=rest)
