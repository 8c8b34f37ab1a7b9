"""The versions of one data set at one moment, and the blobs that they use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.scanning import load_manifest

if TYPE_CHECKING:
    from towpath.assets.datasets.manifest import Manifest
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_NO_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What one transaction saw of a data set; a later one can tell whether it still holds."""

    dataset: str
    versions: tuple[Version, ...]

    @classmethod
    def read(cls, tx: Transaction, dataset: str) -> Catalogue:
        """Return every version, oldest first."""
        newest_first = tx.versions.list("dataset", dataset, limit=_NO_LIMIT)
        return cls(dataset=dataset, versions=tuple(reversed(newest_first)))

    def is_current(self, tx: Transaction) -> bool:
        """Tell whether nobody committed or erased since."""
        return self.contents() == Catalogue.read(tx, self.dataset).contents()

    def contents(self) -> list[tuple[int | None, int]]:
        """Return each version's number and revision, which change with every commit and erasure."""
        return [(version.ref.version, version.revision) for version in self.versions]


def manifest_of(blobs: BlobStore, version: Version) -> Manifest:
    """Return the manifest of a version's current revision."""
    return load_manifest(blobs, version.body["manifest"])


def blobs_of(blobs: BlobStore, manifest: str, profile: str) -> set[str]:
    """Return every blob that a manifest and profile stand for, themselves included."""
    return {manifest, profile, *(file.digest for file in load_manifest(blobs, manifest).files)}
