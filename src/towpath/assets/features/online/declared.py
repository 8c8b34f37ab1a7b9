"""A feature view as plain values, and back: a worker materialises it without the project's code."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.datasets import Dataset
from towpath.assets.datasets.schema import Column, ColumnType, Schema
from towpath.assets.features.declaration import FeatureView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from towpath.assets.features.shape import Typed
    from towpath.ledger.records import Json


class DeclaredColumn(msgspec.Struct, frozen=True, kw_only=True):
    """What of a column matters to features."""

    name: str
    type: ColumnType
    nullable: bool
    description: str
    personal: bool


class DeclaredView(msgspec.Struct, frozen=True, kw_only=True):
    """The spec of a `feature_view` intent: all that materialising it needs to know.

    Attributes:
        project: Who owns it.
        wanted: False once it is not declared any more: its online rows are to go.
        source: The data set's name; `key`, `subject…` and `columns` are its own. Of the columns only
            those are listed that the view, the key or the subject need.
        ttl_s: How long an observation may be used; None for ever.
        every_s: How often it is materialised besides; None for with new versions alone.
    """

    project: str
    wanted: bool = True
    name: str
    source: str
    key: tuple[str, ...]
    subject: str | None
    subject_field: str | None
    subject_hashed: bool
    columns: tuple[DeclaredColumn, ...]
    entity: tuple[str, ...]
    time: str
    created: str | None
    features: tuple[str, ...]
    ttl_s: float | None
    every_s: float | None
    owner: str
    description: str
    tags: dict[str, str]

    @property
    def meaning(self) -> DeclaredView:
        """The parts that decide what a row of the view is; what people say about it is left out."""
        columns = tuple(msgspec.structs.replace(one, description="") for one in self.columns)
        return msgspec.structs.replace(
            self,
            project="",
            wanted=True,
            columns=columns,
            every_s=None,
            owner="",
            description="",
            tags={},
        )

    def typed(self, names: Iterable[str]) -> Typed:
        """Return columns with their types."""
        types = {one.name: one.type for one in self.columns}
        return tuple((name, types[name]) for name in names)

    def to_spec(self) -> Json:
        """Return it as an intent holds it."""
        return msgspec.to_builtins(self)

    def view(self) -> FeatureView:
        """Return the view, on a data set with the columns it needs."""
        columns = (
            Column(
                name=one.name,
                type=one.type,
                nullable=one.nullable,
                description=one.description,
                personal=one.personal,
            )
            for one in self.columns
        )
        return FeatureView(
            self.name,
            source=Dataset(
                self.source,
                schema=schema_with(columns),
                key=self.key,
                subject=self.subject,
                subject_field=self.subject_field,
                subject_hashed=self.subject_hashed,
            ),
            entity=self.entity,
            time=self.time,
            created=self.created,
            features=self.features,
            ttl=None if self.ttl_s is None else timedelta(seconds=self.ttl_s),
            every=None if self.every_s is None else timedelta(seconds=self.every_s),
            owner=self.owner,
            description=self.description,
            tags=self.tags,
        )


def declared(view: FeatureView, *, project: str) -> DeclaredView:
    """Return a view as plain values."""
    source = view.source
    needed = {*view.columns, *source.key_columns, *([source.subject] if source.subject else [])}
    ttl, every = view.time_to_live, view.interval
    return DeclaredView(
        project=project,
        name=view.name,
        source=source.name,
        key=source.key_columns,
        subject=source.subject,
        subject_field=source.subject_field,
        subject_hashed=source.subject_hashed,
        columns=tuple(_described(one) for one in source.columns if one.name in needed),
        entity=view.entity_columns,
        time=view.time,
        created=view.created,
        features=tuple(view.features),
        ttl_s=None if ttl is None else ttl.total_seconds(),
        every_s=None if every is None else every.total_seconds(),
        owner=view.owner,
        description=view.description,
        tags=dict(view.tags),
    )


def declared_in(spec: Json) -> DeclaredView:
    """Read what `DeclaredView.to_spec` wrote."""
    return msgspec.convert(spec, DeclaredView)


def schema_with(columns: Iterable[Column]) -> type[Schema]:
    """Return a schema of given columns, as if a class had declared them."""
    given = tuple(columns)

    def listed(_cls: type[Schema]) -> tuple[Column, ...]:
        return given

    namespace: dict[str, Any] = {"columns": classmethod(listed)}
    return type("GivenSchema", (Schema,), namespace)


def _described(column: Column) -> DeclaredColumn:
    return DeclaredColumn(
        name=column.name,
        type=column.type,
        nullable=column.nullable,
        description=column.description,
        personal=column.personal,
    )
