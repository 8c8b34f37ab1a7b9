"""What the ledger keeps about a version: its body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.declaration import describe_columns

if TYPE_CHECKING:
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.manifest import Manifest
    from towpath.ledger.records import Json


def content_body(manifest: Manifest, manifest_digest: str, profile_digest: str) -> Json:
    """Return the part of a version's body that an erasure changes."""
    return {
        "manifest": manifest_digest,
        "profile": profile_digest,
        "rows": manifest.rows,
        "bytes": manifest.size_bytes,
        "files": len(manifest.files),
    }


def declared_body(dataset: Dataset) -> Json:
    """Return the part of a version's body that the declaration says."""
    return {
        "columns": describe_columns(dataset),
        "key": list(dataset.key_columns),
        "time": dataset.time,
        "subject": dataset.subject,
        "subject_field": dataset.subject_field,
        "subject_hashed": dataset.subject_hashed,
        "buckets": dataset.buckets,
    }
