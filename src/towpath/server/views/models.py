"""Models: versions, evidence and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.models import family_of
from towpath.assets.models.cards import model_card
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.server.resources.models import (
    Document,
    FamilyMember,
    ModelDetail,
    ModelSummary,
    ModelVersion,
    ModelVersionDetail,
)
from towpath.server.views.evidence import gate_results
from towpath.server.views.traffic import model_shares
from towpath.server.views.values import fields_of, mapping, numbers, text, texts

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Asset, Version
    from towpath.storage.blobs.contract import BlobStore

_NEWEST = 200


def list_models(tx: Transaction, project: str | None, environment: str) -> list[ModelSummary]:
    """Return models by name."""
    shares = model_shares(tx, environment)
    assets = tx.versions.assets("model", project=project)
    return [_summary(tx, asset, shares) for asset in assets]


def get_model(tx: Transaction, name: str, environment: str) -> ModelDetail:
    """Return a model with its newest versions. Raises `NotFound`."""
    assets = {asset.name: asset for asset in tx.versions.assets("model")}
    if name not in assets:
        raise NotFound.named("model", name, assets)
    shares = model_shares(tx, environment)
    summary = _summary(tx, assets[name], shares)
    return ModelDetail(
        **fields_of(summary),
        history=list_versions(tx, name, environment, below=None, limit=_NEWEST),
    )


def list_versions(
    tx: Transaction, name: str, environment: str, *, below: int | None, limit: int
) -> list[ModelVersion]:
    """Return a model's versions, newest first; with `below` those of a smaller number only."""
    shares = model_shares(tx, environment)
    found = tx.versions.list("model", name, below=below, limit=limit)
    return [_version(version, shares) for version in found]


def get_model_version(tx: Transaction, ref: Ref, environment: str) -> ModelVersionDetail:
    """Return one version whole. Raises `NotFound`."""
    version = tx.versions.get(ref)
    shares = model_shares(tx, environment)
    shown = _version(version, shares)
    body = version.body
    return ModelVersionDetail(
        **fields_of(shown),
        model=ref.name,
        project=version.project,
        pipeline=text(body.get("pipeline")),
        parent=body.get("parent"),
        family=_family(tx, version, shares),
        signature=mapping(body.get("signature")),
        params=texts(mapping(body.get("params"))),
        code=text(body.get("code")),
        datasets=[str(dataset) for dataset in body.get("datasets", [])],
        champion=body.get("champion"),
        gates=gate_results(body.get("gates")),
        package=text(body.get("package")),
        execution=text(body.get("execution")) or "native",
        lock=text(body.get("lock")),
        attestation=mapping(body.get("attestation")),
        has_report=bool(body.get("report")),
    )


def _family(tx: Transaction, version: Version, shares: dict[str, float]) -> list[FamilyMember]:
    """Return a version's kin, itself included; nobody where it has none."""
    members = family_of(tx, version)
    if len(members) == 1:
        return []
    return [
        FamilyMember(
            ref=str(one.version.ref),
            parent=one.version.body.get("parent"),
            depth=one.depth,
            state=one.version.state,
            metrics=numbers(mapping(one.version.body.get("metrics"))),
            traffic=shares.get(str(one.version.ref), 0.0),
            created_at=one.version.created_at,
        )
        for one in members
    ]


def gate_report(tx: Transaction, blobs: BlobStore, ref: Ref) -> Document:
    """Return the report that the gates wrote about a version.

    Raises:
        NotFound: There is no such version, or it has no report.
    """
    version = tx.versions.get(ref)
    digest = version.body.get("report")
    if not digest:
        raise NotFound(f"{ref} has no gate report", remedy="Its gates have not been evaluated.")
    markdown = blobs.get(digest).decode()
    return Document(ref=str(version.ref), title=f"Gate report of {version.ref}", markdown=markdown)


def card(tx: Transaction, ref: Ref) -> Document:
    """Return the model card, written from what the ledger knows now. Raises `NotFound`."""
    version = tx.versions.get(ref)
    sources = [Ref.parse(one, "dataset") for one in version.body.get("datasets", [])]
    markdown = model_card(version, [tx.versions.get(source) for source in sources])
    return Document(ref=str(version.ref), title=f"Card of {version.ref}", markdown=markdown)


def _summary(tx: Transaction, asset: Asset, shares: dict[str, float]) -> ModelSummary:
    latest = tx.versions.latest("model", asset.name)
    serving = {ref: shares[str(ref)] for ref in map(Ref.parse, shares) if ref.name == asset.name}
    live = max(serving, key=lambda ref: serving[ref], default=None)
    return ModelSummary(
        name=asset.name,
        project=asset.project,
        description=asset.description,
        versions=0 if latest is None else latest.ref.version or 0,
        latest=None if latest is None else _version(latest, shares),
        live=None if live is None else _version(tx.versions.get(live), shares),
    )


def _version(version: Version, shares: dict[str, float]) -> ModelVersion:
    body = version.body
    return ModelVersion(
        ref=str(version.ref),
        number=version.ref.version or 0,
        state=version.state,
        flavour=text(body.get("flavour")),
        task=text(body.get("task")),
        verdict=text(body.get("verdict")),
        metrics=numbers(mapping(body.get("metrics"))),
        digest=version.digest,
        made_by=version.made_by,
        created_at=version.created_at,
        traffic=shares.get(str(version.ref), 0.0),
        aliases=list(version.aliases),
    )
