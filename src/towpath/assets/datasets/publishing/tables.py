"""Brings a table of an Iceberg catalog in step with what should be published, in one commit."""

# pyright: reportCallIssue=false
# (PyIceberg's models take the names of their fields besides the aliases that a checker sees.)

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.io import load_file_io
from pyiceberg.table.metadata import TableMetadataV1
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    AssertRefSnapshotId,
    AssertTableUUID,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetSnapshotRefUpdate,
)

from towpath.assets.datasets.catalogue import manifest_of
from towpath.assets.datasets.publishing.layout import Layouts, first_schema, first_spec
from towpath.assets.datasets.publishing.snapshots import SnapshotWriter, snapshot_paths
from towpath.assets.datasets.publishing.wanted import MAIN, snapshot_id
from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyiceberg.catalog import Catalog
    from pyiceberg.io import FileIO
    from pyiceberg.table import Table
    from pyiceberg.table.update import TableUpdate

    from towpath.assets.datasets.manifest import Manifest
    from towpath.assets.datasets.publishing.wanted import Wanted
    from towpath.core.refs import Ref
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_ATTEMPTS = 4
_OWNER = "towpath.dataset"
# What the log of earlier metadata names is deleted; it is long enough to outlast kills in a row.
_PROPERTIES = {"format-version": "2", "write.metadata.previous-versions-max": "20"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a table holds after a commit.

    Attributes:
        metadata: Where its metadata is.
        snapshots: The snapshot of each version.
        refs: The snapshot of each tag and branch, `main` among them.
        skipped: Versions that can't be read in place, and why.
    """

    metadata: str
    snapshots: dict[Ref, int]
    refs: dict[str, int]
    skipped: dict[Ref, str]


class IcebergTable:
    """One table, which nobody else writes to."""

    def __init__(self, catalog: Catalog, blobs: BlobStore, *, name: str, dataset: str) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._name = name
        self._dataset = dataset

    def require_ours(self) -> None:
        """Raise `Conflict` if the table is there and somebody else's."""
        with suppress(NoSuchTableError):
            self._owned(self._catalog.load_table(self._name))

    def bring(self, wanted: Wanted, suspects: Iterable[int] = ()) -> Published:
        """Make the table hold what is wanted, in one commit, and delete what that replaces.

        Args:
            wanted: What it should hold.
            suspects: Snapshots whose metadata a call that was killed may have left.

        Raises:
            Conflict: Somebody else keeps writing to the table.
            NotFound: An erasure replaced a manifest meanwhile.
        """
        manifests = {one.ref: manifest_of(self._blobs, one) for one in wanted.versions}
        for _ in range(_ATTEMPTS):
            table = self._table(manifests[wanted.trunk[0].ref])
            try:
                return self._commit(table, wanted, manifests, set(suspects))
            except CommitFailedException:
                continue
        raise Conflict(
            f"somebody else keeps committing to the table {self._name}",
            remedy="Nobody else may write to a published table. Publish again when they don't.",
            table=self._name,
        )

    def _commit(
        self,
        table: Table,
        wanted: Wanted,
        manifests: dict[Ref, Manifest],
        suspects: set[int],
    ) -> Published:
        layouts = Layouts(table.metadata, manifests[wanted.trunk[0].ref])
        # The newest version's word on a column's type counts, so it is asked first.
        why = {one.ref: layouts.unreadable(manifests[one.ref]) for one in reversed(wanted.versions)}
        skipped = {ref: reason for ref, reason in why.items() if reason is not None}
        ids = {one.ref: snapshot_id(one) for one in wanted.versions if one.ref not in skipped}
        there = {snapshot.snapshot_id for snapshot in table.metadata.snapshots}
        fresh = [one for one in wanted.versions if ids.get(one.ref, 0) not in there | {0}]
        added = self._added(table, fresh, manifests, layouts)
        refs = _refs(wanted, ids)
        stale = sorted(there.difference(ids.values()))
        updates = [*layouts.settled(), *added, *_moved(table, refs, stale)]
        metadata = table.metadata_location
        if updates:
            requirements = (
                AssertTableUUID(uuid=table.metadata.table_uuid),
                AssertRefSnapshotId(ref=MAIN, snapshot_id=table.metadata.current_snapshot_id),
            )
            done = self._catalog.commit_table(table, requirements, tuple(updates))
            metadata = done.metadata_location
        left = (suspects | there).difference(ids.values())
        if updates or left:
            replaced = set(_metadata_of(table)) - {metadata}
            _delete(table.io, metadata, replaced, left)
        numbers = {name: number for name, (_, number) in refs.items()}
        return Published(metadata=metadata, snapshots=ids, refs=numbers, skipped=skipped)

    def drop(self, metadata: str, suspects: Iterable[int]) -> None:
        """Drop the table and delete its metadata; the data set's files stay. Idempotent.

        Args:
            metadata: Where its metadata was last known to be.
            suspects: Snapshots whose metadata may be there.
        """
        try:
            table = self._owned(self._catalog.load_table(self._name))
        except NoSuchTableError:
            if metadata:  # a call before this one was killed when it had dropped the table
                io = load_file_io(self._catalog.properties, location=metadata)
                _delete(io, metadata, [metadata], suspects)
            return
        self._catalog.drop_table(self._name)
        there = {snapshot.snapshot_id for snapshot in table.metadata.snapshots}
        _delete(table.io, table.metadata_location, _metadata_of(table), there.union(suspects))

    def _table(self, latest: Manifest) -> Table:
        try:
            return self._owned(self._catalog.load_table(self._name))
        except NoSuchTableError:
            self._catalog.create_namespace_if_not_exists(self._name.rpartition(".")[0])
            return self._catalog.create_table(
                self._name,
                first_schema(latest),
                partition_spec=first_spec(latest),
                properties={**_PROPERTIES, _OWNER: self._dataset},
            )

    def _owned(self, table: Table) -> Table:
        owner = table.properties.get(_OWNER)
        if owner != self._dataset:
            whose = f"publishes data set {owner!r}" if owner else "is not one of Towpath's"
            raise Conflict(
                f"the table {self._name} is there and {whose}",
                remedy="Choose another with --table.",
                table=self._name,
            )
        return table

    def _added(
        self,
        table: Table,
        versions: list[Version],
        manifests: dict[Ref, Manifest],
        layouts: Layouts,
    ) -> list[TableUpdate]:
        """Write the metadata of versions that the table does not have yet."""
        writer = SnapshotWriter(table, self._blobs)
        assert not isinstance(table.metadata, TableMetadataV1), "tables are made in format 2"
        first = table.metadata.last_sequence_number + 1
        return [
            AddSnapshotUpdate(
                snapshot=writer.write(
                    version,
                    manifests[version.ref],
                    schema=layouts.schema(manifests[version.ref]),
                    spec=layouts.spec(manifests[version.ref]),
                    sequence_number=number,
                )
            )
            for number, version in enumerate(versions, start=first)
        ]


def _metadata_of(table: Table) -> list[str]:
    """Return the table's metadata file, and those before it that its log remembers."""
    return [table.metadata_location, *(log.metadata_file for log in table.metadata.metadata_log)]


def _delete(io: FileIO, beside: str, metadata: Iterable[str], snapshots: Iterable[int]) -> None:
    """Delete metadata that is not needed any more: nothing of an erased row is kept in it.

    What is gone already, or never was, is no matter; so a call that was killed is made good.
    """
    described = (path for snapshot in snapshots for path in snapshot_paths(beside, snapshot))
    for path in (*metadata, *described):
        with suppress(FileNotFoundError):
            io.delete(path)


def _refs(wanted: Wanted, ids: dict[Ref, int]) -> dict[str, tuple[str, int]]:
    """Return the table's tags and branches; `main` is the newest version that can be read."""
    main = next((one.ref for one in wanted.trunk if one.ref in ids), None)
    refs = {name: ("tag", ids[ref]) for name, ref in wanted.tags.items() if ref in ids}
    refs |= {name: ("branch", ids[ref]) for name, ref in wanted.branches.items() if ref in ids}
    return refs if main is None else {**refs, MAIN: ("branch", ids[main])}


def _moved(table: Table, refs: dict[str, tuple[str, int]], stale: list[int]) -> list[TableUpdate]:
    """Return the updates that point tags and branches, and drop snapshots that are not wanted."""
    before = {
        name: (str(ref.snapshot_ref_type), ref.snapshot_id)
        for name, ref in table.metadata.refs.items()
    }
    updates: list[TableUpdate] = []
    updates += [
        SetSnapshotRefUpdate(
            ref_name=name,
            type="tag" if kind == "tag" else "branch",
            snapshot_id=number,
            max_ref_age_ms=None,
            max_snapshot_age_ms=None,
            min_snapshots_to_keep=None,
        )
        for name, (kind, number) in refs.items()
        if before.get(name) != (kind, number)
    ]
    updates += [RemoveSnapshotRefUpdate(ref_name=name) for name in before if name not in refs]
    if stale:
        updates.append(RemoveSnapshotsUpdate(snapshot_ids=stale))
    return updates
