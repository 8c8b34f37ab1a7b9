"""What the ledger records about views and services, and how their versions are found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.assets.features.shape import shape_of
from towpath.core.digests import digest_json
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.assets.datasets.schema import Column
    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.laying_out import Laid
    from towpath.assets.features.service import FeatureService
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json, Version

VIEW = "features"
SERVICE = "feature_service"


def describe_view(view: FeatureView) -> Json:
    """Return a view's declaration as its versions' bodies hold it."""
    columns, ttl = view.columns, view.time_to_live
    return {
        "source": view.source.name,
        "entity": _described(columns[name] for name in view.entity_columns),
        "time": view.time,
        "created": view.created,
        "ttl_s": None if ttl is None else ttl.total_seconds(),
        "features": _described(columns[name] for name in view.features),
        "shape": shape_of(view).digest,
        "online": view.online,
        "owner": view.owner,
        "description": view.description,
        "tags": dict(view.tags),
    }


def describe_service(service: FeatureService) -> Json:
    """Return a service's declaration as its versions' bodies hold it."""
    return {
        "lookups": [
            {
                "view": one.view.name,
                "features": list(one.features),
                "by": list(one.by),
                "prefix": one.prefix,
            }
            for one in service.lookups
        ],
        "on_demand": [
            {
                "name": one.name,
                "path": one.path,
                "uses": list(one.uses),
                "request": _described(one.request),
                "returns": _described(one.returns),
            }
            for one in service.on_demand
        ],
        "entity": _described(service.entity),
        "request": _described(service.request),
        "features": _described(service.columns),
        "owner": service.owner,
        "description": service.description,
        "tags": dict(service.tags),
    }


def content_of(view: FeatureView, source: Version, laid: Laid) -> tuple[str, Json]:
    """Return the digest and the body of a view's version.

    The digest stands for the declaration and the source's rows: it does not depend on how, or in how
    many steps, these were laid out.
    """
    declared = describe_view(view)
    manifest = source.body["manifest"]
    body = {
        "declared": declared,
        "source": str(source.ref),
        "source_revision": source.revision,
        "manifest": manifest,
        "rows": laid.layout.rows,
        "entities": laid.entities,
        "bytes": laid.layout.size_bytes,
    }
    return digest_json({"declared": declared, "manifest": manifest}), body


def versions_of(tx: Transaction, name: str) -> list[Version]:
    """Return a view's versions, newest first."""
    return tx.versions.list(VIEW, name, limit=None)


def version_for(tx: Transaction, view: FeatureView, source: Ref) -> Version | None:
    """Return the version that a view as it is declared now has for a version of its source."""
    declared, wanted = describe_view(view), str(source)

    def fits(version: Version | None) -> bool:
        return (
            version is not None
            and version.body["source"] == wanted
            and version.body["declared"] == declared
        )

    latest = tx.versions.latest(VIEW, view.name)
    if latest is None or fits(latest):
        return latest
    return next((one for one in versions_of(tx, view.name) if fits(one)), None)


def declare_view(tx: Transaction, view: FeatureView, *, project: str) -> None:
    """Declare a view in the ledger. Raises `Conflict` if another project owns the name."""
    tags = {**view.tags, **({"owner": view.owner} if view.owner else {})}
    tx.versions.declare(VIEW, view.name, project=project, description=view.description, tags=tags)


def register_service(tx: Transaction, service: FeatureService, *, project: str) -> Version:
    """Record a service as its next version, unless the latest one says the same.

    Raises:
        Conflict: Another project owns the name of the service or of a view.
    """
    for lookup in service.lookups:
        declare_view(tx, lookup.view, project=project)
    tags = {**service.tags, **({"owner": service.owner} if service.owner else {})}
    tx.versions.declare(
        SERVICE, service.name, project=project, description=service.description, tags=tags
    )
    body = describe_service(service)
    digest = digest_json(body)
    latest = tx.versions.latest(SERVICE, service.name)
    if latest is not None and latest.digest == digest:
        return latest
    version = tx.versions.commit(SERVICE, service.name, digest=digest, body=body)
    for name in sorted({lookup.view.name for lookup in service.lookups}):
        tx.graph.link(version.ref, "includes", Ref(VIEW, name))
    return version


def _described(columns: Iterable[Column]) -> list[dict[str, Any]]:
    return [
        {
            "name": column.name,
            "type": column.type,
            "nullable": column.nullable,
            "description": column.description,
        }
        for column in columns
    ]
