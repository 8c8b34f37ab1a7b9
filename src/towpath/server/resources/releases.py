"""Releases and traffic: what serves, in which shares, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of a service's traffic split.

    Attributes:
        weight: Share of the traffic it is given, 0 to 1.
        served: Decisions it answered in the window shown; None while nothing counts them.
    """

    arm: str
    model: str
    release: int
    weight: float
    served: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTraffic:
    """A service and who answers for it.

    Attributes:
        durability: `ack` or `relaxed`.
        rollout: Name of the rollout that splits it, if one does.
    """

    service: str
    environment: str
    project: str
    model: str
    subject_field: str | None
    durability: str
    rollout: str | None
    stage: int | None
    arms: list[Arm]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway worker and which routing table it has loaded.

    Attributes:
        current: Whether it serves the newest route and suppression list.
        at: Its last heartbeat, wall time.
    """

    name: str
    address: str
    route_generation: int
    suppression_generation: int
    current: bool
    alive: bool
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficBin:
    """Decisions of one service in one bin of event time, by model reference."""

    at: datetime
    counts: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSeries:
    """How a service's decisions were shared between models over event time."""

    service: str
    bin_s: int
    total: int
    errors: int
    models: list[str]
    bins: list[TrafficBin]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What an environment serves now."""

    environment: str
    generation: int
    changed_at: datetime | None
    suppressed_subjects: int
    services: list[ServiceTraffic]
    gateways: list[Gateway]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One immutable release: a model version per service, switched to as one.

    Attributes:
        standing: `default`, `beside` the default for some service versions, `before` for one that can be
            gone back to; empty otherwise.
        service_versions: Versions of programs that go with it; beside the default, those on it now.
    """

    ref: str
    number: int
    environment: str
    services: dict[str, str]
    reason: str
    state: str
    live: bool
    standing: str
    service_versions: list[str]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """A row of the matrix: what one version of a program needs, held to each service's model.

    Attributes:
        asked: When a gateway last heard from it, wall time.
        verdicts: By service: `ok`, `warning` or `refused`; services that it does not ask are left out.
    """

    service_version: str
    consumer: str
    asked: datetime | None
    verdicts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFinding:
    """What speaks against a release, or what people should know of it."""

    verdict: str
    problem: str
    remedy: str
    service: str | None
    model: str | None
    service_version: str | None
    field: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDifference:
    """One thing that two releases pin differently; None where one of them has none."""

    kind: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDetail:
    """What is in a release, whether it would pass its check now, and what it changed.

    Attributes:
        features: Feature services and views that its contracts look up, by version.
        code: The code of the projects whose services are in it.
        contracts: The matrix of service versions and services.
        findings: What its check finds now.
        against: The number of the release that `differences` compares it with; None: it is the first.
    """

    release: Release
    features: list[str]
    code: list[str]
    contracts: list[Contracts]
    findings: list[ReleaseFinding]
    against: int | None
    differences: list[ReleaseDifference]
