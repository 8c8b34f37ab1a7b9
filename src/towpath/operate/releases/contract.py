"""What releases promise: which model versions an environment serves, and in which shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.route import TrialKind


class Releases(Protocol):
    """Moves traffic between releases. Every method acts inside the caller's transaction.

    An environment's *route* is one row that gateways follow; replacing it is the switch. A release is
    an immutable version (`release:ENV@N`) that pins one model version per service. Events:
    `version.committed` for a release, `route.changed` for a switch.
    """

    def champion(self, tx: Transaction, environment: str, service: str) -> Ref | None:
        """Return the model version that serves the service, or None before the first deployment."""
        ...

    def deploy(
        self, tx: Transaction, *, environment: str, service: str, model: Ref, reason: str
    ) -> Version:
        """Create a release in which `model` serves all of `service`'s traffic, and switch to it.

        Raises:
            GateRefused: The model version is not approved.
            NotFound: The service or the model version does not exist.
        """
        ...

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
        """Put `challenger` beside the champion, under a rollout's name, with a share of the answers.

        The first call of a rollout creates the challenger's release. The hash salt is the rollout's
        name, so a caller stays in its arm from stage to stage.

        `weight` is the share that it answers, 0 to 1; `stage` counts from 0. As an `arm` of kind
        `shadow` it sees a copy of the traffic, as `standby` it is loaded and waits, both with weight 0;
        a later stage may make it a challenger.

        Raises:
            ValueError: The weight is out of bounds, or something that never answers has one.
            GateRefused: The challenger is not approved.
            Conflict: Another rollout holds the service.
        """
        ...

    def promote(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> Version:
        """Make the rollout's challenger the champion with all traffic; the old champion stands by.

        Raises:
            Conflict: The service is not in this rollout.
        """
        ...

    def redeclare(self, tx: Transaction, *, environment: str, service: str) -> None:
        """Have gateways record decisions as the service's declaration says from now on.

        Carries durability and logging over into the route. Harmless when the service is not routed.
        """
        ...

    def withdraw(self, tx: Transaction, *, environment: str, service: str) -> None:
        """Stop serving a service: it leaves the route, and gateways answer 404 for it.

        Its releases stay on record. Harmless when the service is not routed.
        """
        ...

    def roll_back(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> None:
        """Return all traffic to the champion. Harmless when the service is not in this rollout."""
        ...
