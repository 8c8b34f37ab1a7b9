"""Feature views and the services that use them: what there is, whose it is, how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureColumn:
    """One column of a view or service."""

    name: str
    type: str
    nullable: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineState:
    """How a view stands in the online store.

    Attributes:
        freshness: `current`; `behind`: its source has a newer version; `outdated`: its declaration
            changed since; `absent`: never materialised.
        at: Event time that the online rows reach.
        lag_s: How long ago that is, in event time.
        rows: Rows that the last materialisation wrote; `whole` tells whether that was all.
        why: Why there is nothing online; empty otherwise.
        every_s: How often it is materialised besides with new versions of its source.
    """

    freshness: str
    at: datetime | None
    lag_s: float | None
    rows: int
    whole: bool
    why: str
    every_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureViewSummary:
    """A feature view.

    Attributes:
        source: The data set that holds the observations.
        entity: The columns that say what a row describes.
        ttl_s: How long an observation may be used; None for ever.
        features: How many there are.
        version: Its newest version, `features:NAME@V`; None before the first.
        rows: Observations laid out in it, of so many `entities`.
        fresh: Whether it is of its source's newest version; None before the first.
        online: None if it is not served online.
        services: Names of the feature services that use it.
    """

    name: str
    project: str
    owner: str
    description: str
    tags: dict[str, str]
    source: str
    entity: list[str]
    ttl_s: float | None
    features: int
    version: str | None
    rows: int
    entities: int
    fresh: bool | None
    online: OnlineState | None
    services: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureVersion:
    """One version of a view: a layout of one version of its source."""

    ref: str
    number: int
    revision: int
    state: str
    source: str
    rows: int
    entities: int
    bytes: int
    made_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureViewDetail(FeatureViewSummary):
    """A feature view with its columns, versions, and the models that learnt from it.

    Attributes:
        time: The column that says when an observation was true; `created` when it became known.
        latest_source: The source's newest version.
        models: Model versions made with it.
    """

    entity_columns: list[FeatureColumn]
    columns: list[FeatureColumn]
    time: str
    created: str | None
    latest_source: str | None
    history: list[FeatureVersion]
    models: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLookup:
    """One use of a view by a service."""

    view: str
    features: list[str]
    by: list[str]
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDemandFeature:
    """A transformation that is called in training and serving alike.

    Attributes:
        path: The function, `module:name`.
        uses: Features it is given; `request` what the caller sends along; `returns` what it adds.
    """

    name: str
    path: str
    uses: list[str]
    request: list[FeatureColumn]
    returns: list[FeatureColumn]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureServiceSummary:
    """The features that a model uses, under one name."""

    name: str
    project: str
    owner: str
    description: str
    tags: dict[str, str]
    version: str | None
    views: list[str]
    features: int
    on_demand: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureServiceDetail(FeatureServiceSummary):
    """A feature service with everything that it looks up and computes."""

    entity: list[FeatureColumn]
    request: list[FeatureColumn]
    columns: list[FeatureColumn]
    lookups: list[FeatureLookup]
    transformations: list[OnDemandFeature]
    models: list[str]
