"""What an environment serves now, by whom, and how its decisions were shared over time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from towpath.operate.releases.route import Route
from towpath.server.resources.releases import (
    Arm,
    Gateway,
    ServiceTraffic,
    Traffic,
    TrafficBin,
    TrafficSeries,
)
from towpath.server.views.values import moment, text, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent
    from towpath.server.contract import TrafficCount, TrafficCounter

_ALIVE_WITHIN = timedelta(seconds=5)


def current_route(tx: Transaction, environment: str) -> Route:
    """Return what the environment's gateways follow; empty before the first deployment."""
    intent = tx.intents.find("route", environment)
    return Route(environment=environment) if intent is None else msgspec.convert(intent.spec, Route)


def model_shares(tx: Transaction, environment: str) -> dict[str, float]:
    """Return the largest share of any service's traffic that each serving model version takes."""
    shares: dict[str, float] = {}
    for service in current_route(tx, environment).services.values():
        for arm in service.arms:
            shares[arm.model] = max(shares.get(arm.model, 0.0), arm.weight)
    return shares


def services_now(
    tx: Transaction, environment: str, served: dict[str, Counter[str]]
) -> list[ServiceTraffic]:
    """Return each service with its arms; `served` is decisions by service and model."""
    return [
        ServiceTraffic(
            service=name,
            environment=environment,
            project=route.project,
            model=route.champion.ref.name,
            subject_field=route.subject_field,
            durability=route.durability,
            rollout=route.rollout,
            stage=route.stage,
            arms=[
                Arm(
                    arm=arm.arm,
                    model=arm.model,
                    release=arm.release,
                    weight=arm.weight,
                    served=served[name][arm.model] if name in served else None,
                )
                for arm in route.arms
            ],
        )
        for name, route in sorted(current_route(tx, environment).services.items())
    ]


def traffic_now(tx: Transaction, environment: str, served: dict[str, Counter[str]]) -> Traffic:
    """Return services, gateways and the suppression list's length."""
    route = tx.intents.find("route", environment)
    withdrawn = tx.withdrawals.position()
    wanted = (route.generation if route else 0, withdrawn)
    return Traffic(
        environment=environment,
        generation=wanted[0],
        changed_at=route.updated_at if route else None,
        suppressed_subjects=withdrawn,
        services=services_now(tx, environment, served),
        gateways=[_gateway(intent, wanted) for intent in tx.intents.list("gateway")],
    )


def series_of(service: str, counts: Sequence[TrafficCount], bin_s: int) -> TrafficSeries:
    """Arrange counts by bin and model."""
    bins: dict[datetime, dict[str, int]] = {}
    for count in counts:
        bins.setdefault(count.at, {})[count.model] = count.count
    return TrafficSeries(
        service=service,
        bin_s=bin_s,
        total=sum(count.count for count in counts),
        errors=sum(count.errors for count in counts),
        models=sorted({count.model for count in counts}, key=_by_version),
        bins=[TrafficBin(at=at, counts=shared) for at, shared in sorted(bins.items())],
    )


def count_services(
    counter: TrafficCounter | None, services: Sequence[str], *, bin_s: int
) -> list[TrafficSeries]:
    """Count every service's decisions; nothing where nobody counts."""
    if counter is None:
        return []
    return [series_of(name, counter.count(name, bin_s=bin_s), bin_s) for name in services]


def served_by_model(series: Sequence[TrafficSeries]) -> dict[str, Counter[str]]:
    """Sum counted decisions by service and model."""
    served: dict[str, Counter[str]] = {}
    for one in series:
        total = served.setdefault(one.service, Counter())
        for bin_ in one.bins:
            total.update(bin_.counts)
    return served


def _gateway(intent: Intent, wanted: tuple[int, int]) -> Gateway:
    status = intent.status
    loaded = whole(status.get("route_generation")), whole(status.get("suppression_generation"))
    at = moment(status.get("at"))
    return Gateway(
        name=intent.name,
        address=text(intent.spec.get("address")),
        route_generation=loaded[0],
        suppression_generation=loaded[1],
        current=loaded[0] >= wanted[0] and loaded[1] >= wanted[1],
        alive=at is not None and datetime.now(UTC) - at < _ALIVE_WITHIN,
        at=at,
    )


def _by_version(model: str) -> tuple[str, int]:
    name, _, number = model.partition("@")
    return name, int(number) if number.isdecimal() else 0
