"""The versions of one data set at one moment, on all its lines, and the blobs that they use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.lines import line_names, trunk_of
from towpath.assets.datasets.scanning import load_manifest
from towpath.core.errors import NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.assets.datasets.manifest import Manifest
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

READY = "ready"
COLLECTED = "collected"
_CHANGES = ("version.committed", "version.revised", "version.moved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What one transaction saw of a data set; a later one can tell whether it still holds.

    Attributes:
        dataset: The trunk's name.
        versions: The versions of every line whose rows can be read, oldest first.
        size: How many events the log had: what happened since is found without reading versions.
    """

    dataset: str
    versions: tuple[Version, ...]
    size: int

    @classmethod
    def read(cls, tx: Transaction, name: str) -> Catalogue:
        """Return every version of the data set that a line belongs to."""
        versions = [
            version
            for line in line_names(tx, name)
            for version in tx.versions.list("dataset", line, states=[READY], limit=None)
        ]
        versions.sort(key=lambda version: (version.created_at, version.ref))
        return cls(dataset=trunk_of(name), versions=tuple(versions), size=tx.events.size())

    @classmethod
    def since(cls, tx: Transaction, name: str, size: int) -> Catalogue:
        """Return only the versions that were committed or revised after the log had `size` events."""
        touched = _touched(tx, trunk_of(name), size)
        versions = (tx.versions.get(ref) for ref in touched)
        return cls(
            dataset=trunk_of(name),
            versions=tuple(one for one in versions if one.state == READY),
            size=tx.events.size(),
        )

    def is_current(self, tx: Transaction) -> bool:
        """Tell whether nobody committed, erased or collected since. Costs what happened since."""
        return not _touched(tx, self.dataset, self.size)


def require_readable(version: Version) -> Version:
    """Return a version whose rows are there.

    Raises:
        NotFound: It was collected.
    """
    if version.state == COLLECTED:
        raise NotFound(
            f"{version.ref} was collected: nothing used it, and its rows are gone",
            remedy="Its entry in the ledger says what it was. Tag what should be kept.",
            ref=str(version.ref),
        )
    return version


def manifest_of(blobs: BlobStore, version: Version) -> Manifest:
    """Return the manifest of a version's current revision."""
    return load_manifest(blobs, version.body["manifest"])


def blobs_of(blobs: BlobStore, manifest: str, profile: str) -> set[str]:
    """Return every blob that a manifest and profile stand for, themselves included."""
    return {manifest, profile, *(file.digest for file in load_manifest(blobs, manifest).files)}


def _touched(tx: Transaction, trunk: str, size: int) -> list[Ref]:
    """Return the versions of a family that changed after the log had `size` events, sorted."""
    events = tx.events.read(after=size - 1, types=_CHANGES, limit=None)
    prefixes = (f"dataset:{trunk}@", f"dataset:{trunk}~")
    return sorted({Ref.parse(one.subject) for one in events if one.subject.startswith(prefixes)})
