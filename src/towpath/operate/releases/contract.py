"""What releases promise: which model versions an environment serves, and in which shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.core.contracts import ServiceVersion
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.checking import ReleaseCheck
    from towpath.operate.releases.pins import Pins
    from towpath.operate.releases.route import Route, TrialKind, Unknown

DRAIN_S: Final = 86_400.0
"""How long nobody may ask a release beside the default before it goes."""


class Releases(Protocol):
    """Moves traffic between releases. Every method acts inside the caller's transaction.

    An environment's *route* is one row that gateways follow; replacing it is the switch. A release is
    an immutable version (`release:ENV@N`) that pins one model version per service, and the versions of
    the consumers that go with them. Every release is checked in the transaction that puts it in force:
    against the contract of each of its service versions, the regression cases of each service, and for
    what any release must have. Events:
    `version.committed` for a release, `route.changed` for a switch.

    Since a switch is one row in one transaction, whoever is killed on the way leaves the old route or
    the new one, never a mixture; each gateway loads a route whole before it takes it.
    """

    @property
    def trials(self) -> Trials:
        """What rollouts do."""
        ...

    def route(self, tx: Transaction, environment: str) -> Route:
        """Return what the environment's gateways follow; empty before the first deployment."""
        ...

    def pins(self, tx: Transaction, environment: str) -> Pins:
        """Return what is in force by default: the champions, and their release's service versions."""
        ...

    def check(self, tx: Transaction, environment: str, pins: Pins) -> ReleaseCheck:
        """Hold a release to everything that it must meet, and change nothing. A dry run.

        Raises:
            NotFound: A model or service version was never registered.
        """
        ...

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
        """Commit a release and make it the environment's default.

        Services whose model stays go on as they are, a rollout included. `keep` names service versions
        that stay on the release that is the default now, which lives on beside the new one until none
        of them has asked for `drain_s` seconds.

        Raises:
            GateRefused: It breaks a contract, or a model is not approved or signed, or does not pass a
                regression case of its service, or features that it needs are not there; names each.
                Nothing was changed.
            NotFound: A service, model or service version does not exist.
            Conflict: A rollout holds a service whose model would change; or there are too many
                releases beside the default.
        """
        ...

    def put_beside(
        self,
        tx: Transaction,
        environment: str,
        pins: Pins,
        *,
        reason: str,
        drain_s: float = DRAIN_S,
    ) -> Version:
        """Commit a release and put it beside the default, for its service versions alone.

        Raises what `put_in_force` raises; and Conflict where it has no service versions.
        """
        ...

    def restore(self, tx: Transaction, environment: str, number: int, *, reason: str) -> Version:
        """Make an earlier release the default again: the way back.

        It is checked like any other. Services that came since it stay as they are, and are then part
        of a new release. What people go back from is not tried again by itself. Nothing of the release
        that is left is needed: its models may be gone, or broken.

        Raises:
            GateRefused: As `put_in_force`.
            NotFound: There is no such release.
        """
        ...

    def drain(self, tx: Transaction, environment: str, number: int, *, reason: str) -> None:
        """Take a release from beside the default; its service versions are answered by that now.

        Harmless when it is not there.
        """
        ...

    def set_unknown(self, tx: Transaction, environment: str, unknown: Unknown) -> None:
        """Say whether service versions that are in no release in force get the default, or refused."""
        ...

    def champion(self, tx: Transaction, environment: str, service: str) -> Ref | None:
        """Return the model version that serves the service, or None before the first deployment."""
        ...

    def deploy(
        self, tx: Transaction, *, environment: str, service: str, model: Ref, reason: str
    ) -> Version:
        """Create a release in which `model` serves all of `service`'s traffic, and switch to it.

        Only that service is checked: what is wrong with another is no reason to keep this one back.

        Raises what `put_in_force` raises.
        """
        ...


class Trials(Protocol):
    """The moves of rollouts. Each acts inside the caller's transaction, as those of `Releases` do."""

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
            GateRefused: The challenger is not approved, or breaks a contract.
            Conflict: Another rollout holds the service.
        """
        ...

    def promote(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> Version:
        """Make the rollout's challenger the champion with all traffic; the old champion stands by.

        Raises:
            Conflict: The service is not in this rollout.
            GateRefused: The challenger does not pass a regression case of the service.
        """
        ...

    def roll_back(self, tx: Transaction, *, environment: str, service: str, rollout: str) -> None:
        """Return all traffic to the champion. Harmless when the service is not in this rollout."""
        ...
