"""A data set's columns and buckets in Iceberg's terms: field ids, schemas, partitions, a name mapping."""

# pyright: reportCallIssue=false
# (PyIceberg's models take the names of their fields besides the aliases that a checker sees.)

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.name_mapping import MappedField, NameMapping
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    SetCurrentSchemaUpdate,
    SetDefaultSpecUpdate,
    SetPropertiesUpdate,
)
from pyiceberg.transforms import BucketTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableUpdate
    from pyiceberg.types import IcebergType

    from towpath.assets.datasets.manifest import Manifest
    from towpath.assets.datasets.schema import ColumnType

NAME_MAPPING = "schema.name-mapping.default"
_FIRST_PARTITION_ID = 1000
_TYPES: dict[ColumnType, IcebergType] = {
    "string": StringType(),
    "int64": LongType(),
    "float64": DoubleType(),
    "bool": BooleanType(),
    "timestamp": TimestamptzType(),
    "date": DateType(),
    "binary": BinaryType(),
}


def first_schema(manifest: Manifest) -> Schema:
    """Return the schema that a table is made with; ids count from 1 in declared order."""
    ids = {column.name: number for number, column in enumerate(manifest.columns, start=1)}
    return _schema(manifest, ids, schema_id=0)


def first_spec(manifest: Manifest) -> PartitionSpec:
    """Return the partitioning that a table is made with."""
    ids = {column.name: number for number, column in enumerate(manifest.columns, start=1)}
    return _spec(manifest, ids, spec_id=0, field_id=_FIRST_PARTITION_ID)


class Layouts:
    """Finds or adds the schemas and partitionings that versions need, in one table.

    Args:
        metadata: The table's.
        latest: The manifest that says what a column's type is now. Files carry no field ids, and a
            name leads to one id, so that a column which had another type once can't be read as both.
    """

    def __init__(self, metadata: TableMetadata, latest: Manifest) -> None:
        self.updates: list[TableUpdate] = []
        self._schemas = {schema.schema_id: schema for schema in metadata.schemas}
        self._specs = {spec.spec_id: spec for spec in metadata.partition_specs}
        self._last_partition_id = metadata.last_partition_id or _FIRST_PARTITION_ID - 1
        self._last_column_id = metadata.last_column_id
        self._known = {
            (field.name, str(field.field_type)): field.field_id
            for schema in metadata.schemas
            for field in schema.fields
        }
        self._types: dict[str, ColumnType] = {one.name: one.type for one in latest.columns}
        self._mapped: dict[str, int] = {}
        self._is_current = (metadata.current_schema_id, metadata.default_spec_id)
        self._mapping_is = metadata.properties.get(NAME_MAPPING)
        self._current = (self.schema(latest), self.spec(latest))

    def unreadable(self, manifest: Manifest) -> str | None:
        """Return why a version can't be read in place, or None."""
        if manifest.layered:
            return "it has overlays, and not every reader applies those"
        for column in manifest.columns:
            type_now = self._types.setdefault(column.name, column.type)
            if type_now != column.type:
                return f"its column {column.name!r} is {column.type}, and {type_now} elsewhere"
        return None

    def schema(self, manifest: Manifest) -> Schema:
        """Return the schema of a version."""
        ids = {column.name: self._field_id(column.name, column.type) for column in manifest.columns}
        wanted = _schema(manifest, ids, schema_id=max(self._schemas, default=-1) + 1)
        for schema in self._schemas.values():
            if schema == wanted:  # ids of schemas don't count
                return schema
        self._schemas[wanted.schema_id] = wanted
        self.updates.append(AddSchemaUpdate(schema=wanted))
        return wanted

    def spec(self, manifest: Manifest) -> PartitionSpec:
        """Return the partitioning of a version."""
        field_id = self._last_partition_id + 1
        ids = {column.name: self._field_id(column.name, column.type) for column in manifest.columns}
        wanted = _spec(manifest, ids, spec_id=max(self._specs, default=-1) + 1, field_id=field_id)
        for spec in self._specs.values():
            if spec.compatible_with(wanted):
                return spec
        self._specs[wanted.spec_id] = wanted
        self._last_partition_id += len(wanted.fields)
        self.updates.append(AddPartitionSpecUpdate(spec=wanted))
        return wanted

    def settled(self) -> list[TableUpdate]:
        """Return the updates: what was added, and the latest version's layout as the current one."""
        schema, spec = self._current
        updates = list(self.updates)
        if schema.schema_id != self._is_current[0]:
            updates.append(SetCurrentSchemaUpdate(schema_id=schema.schema_id))
        if spec.spec_id != self._is_current[1]:
            updates.append(SetDefaultSpecUpdate(spec_id=spec.spec_id))
        mapping = NameMapping(
            [
                MappedField(field_id=field_id, names=[name])
                for name, field_id in sorted(self._mapped.items(), key=lambda pair: pair[1])
            ]
        ).model_dump_json()
        if mapping != self._mapping_is:
            updates.append(SetPropertiesUpdate(updates={NAME_MAPPING: mapping}))
        return updates

    def _field_id(self, name: str, type_: ColumnType) -> int:
        place = (name, str(_TYPES[type_]))
        if place not in self._known:
            self._last_column_id += 1
            self._known[place] = self._last_column_id
        return self._mapped.setdefault(name, self._known[place])


def _schema(manifest: Manifest, ids: dict[str, int], *, schema_id: int) -> Schema:
    fields = [
        NestedField(
            field_id=ids[column.name],
            name=column.name,
            field_type=_TYPES[column.type],
            required=not column.nullable,
        )
        for column in manifest.columns
    ]
    # Iceberg lets no floating-point column identify rows.
    floats = {column.name for column in manifest.columns if column.type == "float64"}
    key = [] if floats.intersection(manifest.key) else [ids[name] for name in manifest.key]
    return Schema(*fields, schema_id=schema_id, identifier_field_ids=key)


def _spec(manifest: Manifest, ids: dict[str, int], *, spec_id: int, field_id: int) -> PartitionSpec:
    if manifest.subject is None:
        return PartitionSpec(spec_id=spec_id)
    field = PartitionField(
        source_id=ids[manifest.subject],
        field_id=field_id,
        transform=BucketTransform(manifest.buckets),
        name=f"{manifest.subject}_bucket",
    )
    return PartitionSpec(field, spec_id=spec_id)
