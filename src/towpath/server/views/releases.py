"""What is in a release, whether its contracts hold, and what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.contracts import ServiceVersion
from towpath.core.refs import Ref
from towpath.operate.releases import find_consumer, pins_of
from towpath.operate.releases.comparing import differences
from towpath.server.resources.releases import (
    Contracts,
    Release,
    ReleaseDetail,
    ReleaseDifference,
    ReleaseFinding,
)
from towpath.server.views.traffic import current_route
from towpath.server.views.values import mapping, moment, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases import ReleaseCheck, ReleaseChecker, Route


def list_releases(
    tx: Transaction, environment: str, *, below: int | None = None, limit: int = 200
) -> list[Release]:
    """Return the environment's releases, newest first; with `below` those of a smaller number."""
    route = current_route(tx, environment)
    return [
        _release(version, route)
        for version in tx.versions.list("release", environment, below=below, limit=limit)
    ]


def get_release(
    tx: Transaction,
    environment: str,
    number: int,
    checker: ReleaseChecker,
    *,
    against: int | None = None,
) -> ReleaseDetail:
    """Return a release, held to its contracts as things are now, beside another or the one before it.

    Raises:
        NotFound: There is no such release.
    """
    version = tx.versions.get(Ref("release", environment, number))
    pins = pins_of(version)
    check = checker.check(tx, environment, pins.models, sorted(pins.service_versions))
    other = against or (number - 1 if number > 1 else None)
    before = None if other is None else tx.versions.get(Ref("release", environment, other))
    asked = _asked(tx, environment)
    return ReleaseDetail(
        release=_release(version, current_route(tx, environment)),
        features=list(version.body.get("features", ())),
        code=list(version.body.get("code", ())),
        contracts=[_contracts(tx, said, check, asked) for said in check.service_versions],
        findings=[
            ReleaseFinding(
                verdict=one.verdict,
                problem=one.problem,
                remedy=one.remedy,
                service=one.service,
                model=one.model,
                service_version=one.service_version,
                field=one.field,
            )
            for one in check.findings
        ],
        against=other,
        differences=[]
        if before is None
        else [
            ReleaseDifference(kind=one.kind, name=one.name, before=one.before, after=one.after)
            for one in differences(before, version)
        ],
    )


def _release(version: Version, route: Route) -> Release:
    number = version.ref.version or 0
    line = next((one for one in route.lines if one.release == number), None)
    live = {arm.release for _, share in route.shares() for arm in share.arms}
    standing = ""
    if number == route.release:
        standing = "default"
    elif line is not None:
        standing = "beside"
    elif number in route.before:
        standing = "before"
    pinned = sorted(mapping(version.body.get("service_versions")))
    return Release(
        ref=str(version.ref),
        number=number,
        environment=version.ref.name,
        services={
            name: text(mapping(pinned).get("model"))
            for name, pinned in mapping(version.body.get("services")).items()
        },
        reason=text(version.body.get("reason")),
        state=version.state,
        live=number in live,
        standing=standing,
        service_versions=pinned if line is None else list(line.service_versions),
        created_at=version.created_at,
    )


def _contracts(
    tx: Transaction, said: str, check: ReleaseCheck, asked: Mapping[str, str]
) -> Contracts:
    version = find_consumer(tx, ServiceVersion.parse(said))
    contracts = () if version is None else version.body["contracts"]
    return Contracts(
        service_version=said,
        consumer="" if version is None else str(version.ref),
        asked=moment(asked.get(said)),
        verdicts={one["service"]: check.verdict_on(said, one["service"]) for one in contracts},
    )


def _asked(tx: Transaction, environment: str) -> dict[str, str]:
    """Return when each service version asked last, as far as gateways say."""
    asked: dict[str, str] = {}
    for row in tx.intents.list("gateway", limit=None):
        if row.spec.get("environment") == environment:
            for said, at in mapping(row.status.get("asked")).items():
                asked[said] = max(text(at), asked.get(said, ""))
    return asked
