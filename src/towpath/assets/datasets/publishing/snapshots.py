"""One version as an Iceberg snapshot without a parent: a manifest that names its files, and their list."""

# pyright: reportCallIssue=false
# (PyIceberg's models take the names of their fields besides the aliases that a checker sees.)

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestEntry,
    ManifestEntryStatus,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.typedef import Record
from pyiceberg.types import TimestamptzType

from towpath.assets.datasets.publishing.wanted import snapshot_id
from towpath.core.clock import to_micros

if TYPE_CHECKING:
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

    from towpath.assets.datasets.manifest import DataFile as OurFile
    from towpath.assets.datasets.manifest import Manifest
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

_FORMAT = 2
_COMPRESSION = "deflate"
_MICROS_PER_MS = 1000


def snapshot_paths(metadata: str, snapshot: int) -> tuple[str, str]:
    """Return where a snapshot's list and manifest are: beside a table's other metadata."""
    folder = metadata.rpartition("/")[0]
    return f"{folder}/snap-{snapshot}.avro", f"{folder}/{snapshot}-m0.avro"


class SnapshotWriter:
    """Writes the metadata of versions beside a table's other metadata."""

    def __init__(self, table: Table, blobs: BlobStore) -> None:
        self._table = table
        self._blobs = blobs

    def write(
        self,
        version: Version,
        manifest: Manifest,
        *,
        schema: Schema,
        spec: PartitionSpec,
        sequence_number: int,
    ) -> Snapshot:
        """Write list and manifest, and return the snapshot that a commit adds."""
        number = snapshot_id(version)
        list_path, manifest_path = snapshot_paths(self._table.metadata_location, number)
        manifests = []
        if manifest.files:
            output = self._table.io.new_output(manifest_path)
            with write_manifest(_FORMAT, spec, schema, output, number, _COMPRESSION) as writer:
                for file in manifest.files:
                    writer.add_entry(self._entry(manifest, file, schema, number))
            manifests.append(writer.to_manifest_file())
        output = self._table.io.new_output(list_path)
        with write_manifest_list(
            _FORMAT, output, number, None, sequence_number, _COMPRESSION
        ) as writer:
            writer.add_manifests(manifests)
        return Snapshot(
            snapshot_id=number,
            parent_snapshot_id=None,
            sequence_number=sequence_number,
            timestamp_ms=to_micros(version.created_at) // _MICROS_PER_MS,
            manifest_list=list_path,
            summary=Summary(
                operation=Operation.APPEND,
                **{
                    "total-records": str(manifest.rows),
                    "total-data-files": str(len(manifest.files)),
                    "total-files-size": str(manifest.size_bytes),
                    "towpath.version": str(version.ref),
                    "towpath.revision": str(version.revision),
                    "towpath.digest": version.digest,
                },
            ),
            schema_id=schema.schema_id,
        )

    def _entry(
        self, manifest: Manifest, file: OurFile, schema: Schema, snapshot: int
    ) -> ManifestEntry:
        lower: dict[int, bytes] = {}
        upper: dict[int, bytes] = {}
        # The bounds of a personal time are not recorded in our manifest either.
        if manifest.time is not None and file.time_min is not None and file.time_max is not None:
            field = schema.find_field(manifest.time).field_id
            lower[field] = to_bytes(TimestamptzType(), file.time_min)
            upper[field] = to_bytes(TimestamptzType(), file.time_max)
        partition = () if manifest.subject is None else (file.bucket,)
        return ManifestEntry.from_args(
            status=ManifestEntryStatus.ADDED,
            snapshot_id=snapshot,
            sequence_number=None,
            file_sequence_number=None,
            data_file=DataFile.from_args(
                content=DataFileContent.DATA,
                file_path=self._blobs.location(file.digest),
                file_format=FileFormat.PARQUET,
                partition=Record(*partition),
                record_count=file.rows,
                file_size_in_bytes=file.size_bytes,
                lower_bounds=lower,
                upper_bounds=upper,
            ),
        )
