"""Data sets and their versions, from the ledger alone: no data file is opened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from towpath.assets.datasets import load_manifest
from towpath.assets.datasets.lines import DROPPED
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.server.resources.datasets import (
    Column,
    DatasetDetail,
    DatasetSummary,
    DatasetVersion,
    DatasetVersionDetail,
    Revision,
)
from towpath.server.views import lines
from towpath.server.views.quality import personal_marks, report_of, trouble_of
from towpath.server.views.values import fields_of, items, text, whole

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Asset, Json, Version
    from towpath.storage.blobs.contract import BlobStore

_NEWEST = 200


def list_datasets(tx: Transaction, project: str | None) -> list[DatasetSummary]:
    """Return data sets by name; a branch is part of its trunk."""
    assets = tx.versions.assets("dataset", project=project)
    branches = Counter(
        Ref("dataset", asset.name).trunk
        for asset in assets
        if Ref("dataset", asset.name).branch is not None and not asset.tags.get(DROPPED)
    )
    trunks = [asset for asset in assets if Ref("dataset", asset.name).branch is None]
    return [_summary(tx, asset, branches[asset.name]) for asset in trunks]


def get_dataset(tx: Transaction, name: str) -> DatasetDetail:
    """Return a data set with its newest versions. Raises `NotFound`."""
    assets = {asset.name: asset for asset in tx.versions.assets("dataset")}
    if name not in assets:
        raise NotFound.named("data set", name, assets)
    line = Ref("dataset", name)
    branches = [] if line.branch else lines.branches_of(tx, name)
    history = tx.versions.list("dataset", name, limit=_NEWEST)
    quarantine, quarantined = lines.quarantine_of(tx, line.trunk)
    return DatasetDetail(
        **fields_of(_summary(tx, assets[name], len(branches))),
        columns=_columns(history[0].body) if history else [],
        history=[_version(version) for version in history],
        revised=sum(version.revision > 1 for version in history),
        trunk=line.trunk if line.branch else None,
        tags=lines.tags_of(tx, name),
        lines=branches,
        ingests=lines.ingests_of(tx, name),
        publications=lines.publications_of(tx, name),
        quarantine=quarantine,
        quarantined=quarantined,
    )


def list_versions(
    tx: Transaction, name: str, *, below: int | None, limit: int
) -> list[DatasetVersion]:
    """Return a line's versions, newest first; with `below` those of a smaller number only."""
    found = tx.versions.list("dataset", name, below=below, limit=limit)
    return [_version(version) for version in found]


def get_dataset_version(tx: Transaction, blobs: BlobStore, ref: Ref) -> DatasetVersionDetail:
    """Return one version, its revisions and the runs that read it. Raises `NotFound`."""
    version = tx.versions.get(ref)
    shown = _version(version)
    readers = tx.graph.impact(version.ref, depth=1).edges
    return DatasetVersionDetail(
        **fields_of(shown),
        dataset=ref.name,
        before=None if shown.number < 2 else str(ref.at(shown.number - 1)),
        layers=_layers(blobs, version),
        checks=report_of(version),
        personal=personal_marks(version),
        columns=_columns(version.body),
        revisions=[
            Revision(revision=one.revision, digest=one.digest, reason=one.reason, at=one.at)
            for one in tx.versions.revisions(version.ref)
        ],
        used_by=sorted({str(edge.child) for edge in readers if edge.parent == version.ref}),
    )


def _layers(blobs: BlobStore, version: Version) -> int:
    """Return how many files the tallest bucket is read through; 0 where the rows are gone."""
    try:
        files = load_manifest(blobs, version.body["manifest"]).files
    except NotFound:
        return 0
    return max((file.layer + 1 for file in files), default=0)


def _summary(tx: Transaction, asset: Asset, branches: int) -> DatasetSummary:
    latest = tx.versions.latest("dataset", asset.name)
    body = latest.body if latest else {}
    return DatasetSummary(
        name=asset.name,
        project=asset.project,
        description=asset.description,
        key=[str(column) for column in body.get("key", [])],
        time=body.get("time"),
        subject=body.get("subject"),
        versions=0 if latest is None else latest.ref.version or 0,
        branches=branches,
        looks_personal=0 if latest is None else len(personal_marks(latest)),
        latest=_version(latest) if latest else None,
    )


def _version(version: Version) -> DatasetVersion:
    body = version.body
    quarantined, warnings = trouble_of(version)
    return DatasetVersion(
        ref=str(version.ref),
        number=version.ref.version or 0,
        revision=version.revision,
        state=version.state,
        digest=version.digest,
        rows=whole(body.get("rows")),
        added_rows=whole(body.get("added_rows")),
        replaced_rows=whole(body.get("replaced_rows")),
        deleted_rows=whole(body.get("deleted_rows")),
        bytes=whole(body.get("bytes")),
        files=whole(body.get("files")),
        mode=text(body.get("mode")),
        quarantined=quarantined,
        warnings=warnings,
        tags=sorted(version.aliases),
        made_by=version.made_by,
        created_at=version.created_at,
        updated_at=version.updated_at,
    )


def _columns(body: Json) -> list[Column]:
    return [
        Column(
            name=text(column.get("name")),
            type=text(column.get("type")),
            nullable=bool(column.get("nullable")),
            description=text(column.get("description")),
        )
        for column in items(body.get("columns"))
    ]
