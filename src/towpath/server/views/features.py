"""Feature views and services, from the ledger alone: no layout is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.features.online.reconciler import KIND as ONLINE
from towpath.assets.features.registry import SERVICE, VIEW
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.server.resources.features import (
    FeatureColumn,
    FeatureLookup,
    FeatureServiceDetail,
    FeatureServiceSummary,
    FeatureVersion,
    FeatureViewDetail,
    FeatureViewSummary,
    OnDemandFeature,
    OnlineState,
)
from towpath.server.views.values import (
    fields_of,
    items,
    mapping,
    moment,
    number,
    text,
    texts,
    whole,
)

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Asset, Intent, Json, Version

_VERSIONS_TRACED = 20


def list_views(tx: Transaction, now: datetime) -> list[FeatureViewSummary]:
    """Return feature views by name."""
    services = _services_by_view(tx)
    return [
        _summary(tx, asset, services.get(asset.name, []), now) for asset in tx.versions.assets(VIEW)
    ]


def get_view(tx: Transaction, name: str, now: datetime) -> FeatureViewDetail:
    """Return a feature view with its versions, newest first. Raises `NotFound`."""
    asset = _asset(tx, VIEW, name)
    services = _services_by_view(tx).get(name, [])
    summary = _summary(tx, asset, services, now)
    declared = _declared(tx, name)
    history = tx.versions.list(VIEW, name)
    latest = tx.versions.latest("dataset", summary.source) if summary.source else None
    models = {
        ref for version in history[:_VERSIONS_TRACED] for ref in _models(tx, version.ref)
    } | _models(tx, Ref(VIEW, name))
    return FeatureViewDetail(
        **fields_of(summary),
        entity_columns=_columns(declared.get("entity")),
        columns=_columns(declared.get("features")),
        time=text(declared.get("time")),
        created=declared.get("created"),
        latest_source=None if latest is None else str(latest.ref),
        history=[_version(version) for version in history],
        models=sorted(models),
    )


def list_services(tx: Transaction) -> list[FeatureServiceSummary]:
    """Return feature services by name."""
    return [_service(tx, asset) for asset in tx.versions.assets(SERVICE)]


def get_service(tx: Transaction, name: str) -> FeatureServiceDetail:
    """Return a feature service. Raises `NotFound`."""
    asset = _asset(tx, SERVICE, name)
    version = tx.versions.latest(SERVICE, name)
    body = {} if version is None else version.body
    return FeatureServiceDetail(
        **fields_of(_service(tx, asset)),
        entity=_columns(body.get("entity")),
        request=_columns(body.get("request")),
        columns=_columns(body.get("features")),
        lookups=[
            FeatureLookup(
                view=text(one.get("view")),
                features=[text(feature) for feature in one.get("features", ())],
                by=[text(column) for column in one.get("by", ())],
                prefix=text(one.get("prefix")),
            )
            for one in items(body.get("lookups"))
        ],
        transformations=[
            OnDemandFeature(
                name=text(one.get("name")),
                path=text(one.get("path")),
                uses=[text(feature) for feature in one.get("uses", ())],
                request=_columns(one.get("request")),
                returns=_columns(one.get("returns")),
            )
            for one in items(body.get("on_demand"))
        ],
        models=sorted(set() if version is None else _models(tx, version.ref)),
    )


def _summary(
    tx: Transaction, asset: Asset, services: list[str], now: datetime
) -> FeatureViewSummary:
    declared = _declared(tx, asset.name)
    latest = tx.versions.latest(VIEW, asset.name)
    body = {} if latest is None else latest.body
    source = text(declared.get("source"))
    newest = tx.versions.latest("dataset", source) if source else None
    tags = {**asset.tags, **texts(mapping(declared.get("tags")))}
    return FeatureViewSummary(
        name=asset.name,
        project=asset.project,
        owner=tags.pop("owner", "") or text(declared.get("owner")),
        description=asset.description or text(declared.get("description")),
        tags=tags,
        source=source,
        entity=[column.name for column in _columns(declared.get("entity"))],
        ttl_s=number(declared.get("ttl_s")),
        features=len(items(declared.get("features"))),
        version=None if latest is None else str(latest.ref),
        rows=whole(body.get("rows")),
        entities=whole(body.get("entities")),
        fresh=None if latest is None else _is_fresh(latest, newest),
        online=_online(tx.intents.find(ONLINE, asset.name), newest, now),
        services=services,
    )


def _is_fresh(view: Version, source: Version | None) -> bool:
    body = view.body
    return source is not None and (body.get("source"), body.get("source_revision")) == (
        str(source.ref),
        source.revision,
    )


def _online(row: Intent | None, source: Version | None, now: datetime) -> OnlineState | None:
    if row is None or not row.spec.get("wanted", True):
        return None
    status = row.status
    at = moment(status.get("at"))
    seen = (text(status.get("source")), whole(status.get("source_revision")))
    if not status.get("ref"):
        freshness = "absent"
    elif whole(status.get("generation")) != row.generation:
        freshness = "outdated"
    elif source is not None and seen != (str(source.ref), source.revision):
        freshness = "behind"
    else:
        freshness = "current"
    return OnlineState(
        freshness=freshness,
        at=at,
        lag_s=None if at is None else max(0.0, (now - at).total_seconds()),
        rows=whole(status.get("rows")),
        whole=bool(status.get("whole")),
        why=text(status.get("why")),
        every_s=number(row.spec.get("every_s")),
    )


def _declared(tx: Transaction, name: str) -> Json:
    """Return what is declared of a view: by its online row, which is newer, else its last version."""
    row = tx.intents.find(ONLINE, name)
    if row is None:
        latest = tx.versions.latest(VIEW, name)
        return {} if latest is None else mapping(latest.body.get("declared"))
    spec = row.spec
    columns = {column["name"]: column for column in items(spec.get("columns"))}
    return {
        **spec,
        "entity": [columns[one] for one in spec.get("entity", ()) if one in columns],
        "features": [columns[one] for one in spec.get("features", ()) if one in columns],
    }


def _version(version: Version) -> FeatureVersion:
    body = version.body
    return FeatureVersion(
        ref=str(version.ref),
        number=version.ref.version or 0,
        revision=version.revision,
        state=version.state,
        source=text(body.get("source")),
        rows=whole(body.get("rows")),
        entities=whole(body.get("entities")),
        bytes=whole(body.get("bytes")),
        made_by=version.made_by,
        created_at=version.created_at,
    )


def _service(tx: Transaction, asset: Asset) -> FeatureServiceSummary:
    version = tx.versions.latest(SERVICE, asset.name)
    body = {} if version is None else version.body
    tags = dict(asset.tags)
    return FeatureServiceSummary(
        name=asset.name,
        project=asset.project,
        owner=tags.pop("owner", "") or text(body.get("owner")),
        description=asset.description,
        tags=tags,
        version=None if version is None else str(version.ref),
        views=sorted({text(one.get("view")) for one in items(body.get("lookups"))}),
        features=len(items(body.get("features"))),
        on_demand=len(items(body.get("on_demand"))),
    )


def _services_by_view(tx: Transaction) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for service in list_services(tx):
        for view in service.views:
            found.setdefault(view, []).append(service.name)
    return found


def _models(tx: Transaction, ref: Ref) -> set[str]:
    """Return the model versions downstream of a node."""
    return {str(node) for node in tx.graph.impact(ref).nodes if node.kind == "model"}


def _asset(tx: Transaction, kind: str, name: str) -> Asset:
    assets = {asset.name: asset for asset in tx.versions.assets(kind)}
    if name not in assets:
        raise NotFound.named(kind.replace("_", " "), name, assets)
    return assets[name]


def _columns(value: object) -> list[FeatureColumn]:
    return [
        FeatureColumn(
            name=text(column.get("name")),
            type=text(column.get("type")),
            nullable=bool(column.get("nullable")),
            description=text(column.get("description")),
        )
        for column in items(value)
    ]
