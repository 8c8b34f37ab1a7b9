"""From what a release pins to the arms of a route: who answers, with which package, for whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref
from towpath.operate.releases.consumer import consumer_of
from towpath.operate.releases.pins import pins_of
from towpath.operate.releases.route import Arm, Line, ServiceRoute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.pins import Pins
    from towpath.operate.releases.route import ArmKind, Route


_REMEMBERED: Final = 20
"""Former defaults that a route names, for the way back."""


def require_free(route: Route, service: str, model: Ref) -> None:
    """Refuse to change a service's model while a rollout is about it.

    Raises:
        Conflict: One is.
    """
    before = route.services.get(service)
    if before is None or before.champion.ref == model or before.rollout is None:
        return
    raise Conflict(
        f"rollout {before.rollout!r} holds service {service!r}",
        remedy=f"Wait until it ends, or end it: towpath rollout abort {before.rollout}.",
    )


def declared_service(tx: Transaction, service: str) -> Any:
    """Return the row of a declared service. Raises `NotFound`."""
    declared = tx.intents.find("service", service)
    if declared is None:
        known = [intent.name for intent in tx.intents.list("service")]
        raise NotFound.named("service", service, known)
    return declared


def fresh(tx: Transaction, service: str, release: Version, model: Ref) -> ServiceRoute:
    """Return the share-out of a service that is answered by one model alone."""
    declared = declared_service(tx, service)
    return ServiceRoute(
        project=declared.project,
        subject_field=declared.spec["subject_field"],
        durability=declared.spec["durability"],
        logging=declared.spec.get("logging"),
        warm_up=tuple(declared.spec.get("warm_up", ())),
        salt=service,
        arms=(arm_of(tx, "champion", release, model, weight=1.0),),
    )


def refreshed(
    tx: Transaction, service: str, share: ServiceRoute, also: Iterable[str]
) -> ServiceRoute:
    """Return a share-out with what the service's declaration and the contracts say now."""
    share = msgspec.structs.replace(share, also=tuple(sorted(also)))
    declared = tx.intents.find("service", service)
    if declared is None:
        return share
    return msgspec.structs.replace(
        share,
        subject_field=declared.spec["subject_field"],
        durability=declared.spec["durability"],
        logging=declared.spec.get("logging"),
        warm_up=tuple(declared.spec.get("warm_up", ())),
    )


def arm_of(tx: Transaction, arm: ArmKind, release: Version, model: Ref, *, weight: float) -> Arm:
    """Return an arm of a release."""
    number = release.ref.version
    assert number is not None
    package = tx.versions.get(model).body["package"]
    return Arm(arm=arm, release=number, model=str(model), package=package, weight=weight)


def sent(tx: Transaction, pins: Pins) -> Mapping[str, set[str]]:
    """Return what consumers send to each service by contract."""
    sent: dict[str, set[str]] = {}
    for said in pins.service_versions:
        for contract in consumer_of(tx, said)[1].contracts:
            sent.setdefault(contract.service, set()).update(contract.inputs)
    return sent


def in_force(tx: Transaction, route: Route) -> tuple[str, ...]:
    """Return the service versions that are part of a release in force."""
    said = {one for line in route.lines for one in line.service_versions}
    if route.release is not None:
        release = tx.versions.get(Ref("release", route.environment, route.release))
        said |= {str(one) for one in pins_of(release).service_versions}
    return tuple(sorted(said))


def line_of(tx: Transaction, release: Version, pins: Pins, drain_s: float) -> Line:
    """Return the line on which a release's service versions are kept, beginning now."""
    number = release.ref.version
    assert number is not None
    also = sent(tx, pins)
    return Line(
        release=number,
        service_versions=tuple(sorted(str(one) for one in pins.service_versions)),
        services={
            name: refreshed(tx, name, fresh(tx, name, release, model), also.get(name, ()))
            for name, model in pins.models.items()
        },
        drain_s=drain_s,
        since=datetime.now(UTC).isoformat(),
    )


def as_default(tx: Transaction, route: Route, pins: Pins, release: Version) -> Route:
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
