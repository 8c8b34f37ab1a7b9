"""What of a view decides how its observations are laid out: columns and their types, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec
import polars as pl

from towpath.assets.datasets.schema import POLARS_TYPES
from towpath.core.digests import digest_json
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.schema import ColumnType
    from towpath.assets.features.declaration import FeatureView

Typed: TypeAlias = tuple[tuple[str, str], ...]
TIME = pl.Datetime("us", "UTC")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The columns that a layout is made of. Two views of one shape lay a source out alike.

    Attributes:
        source: The data set's name.
        entity: The entity's columns and types.
        time: The column that says when an observation was true.
        created: The column that says when it became known.
        features: The features' columns and types.
        key: The source's key, by which observations of one entity, time and created are told apart:
            the largest wins, so that the answer does not depend on the order of files.
    """

    source: str
    entity: Typed
    time: str
    created: str | None
    features: Typed
    key: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Stands for the shape."""
        return digest_json(self)

    @property
    def entity_names(self) -> tuple[str, ...]:
        """The entity's columns."""
        return tuple(name for name, _ in self.entity)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features' columns."""
        return tuple(name for name, _ in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the source that laying out reads, each once."""
        stamps = (self.time,) if self.created is None else (self.time, self.created)
        return tuple(dict.fromkeys((*self.entity_names, *stamps, *self.feature_names, *self.key)))

    def empty(self) -> pl.DataFrame:
        """Return a table of the source's columns without a row."""
        kinds = dict.fromkeys(self.key, "string")
        kinds |= {**dict(self.features), **dict(self.entity)}
        kinds |= {name: "timestamp" for name in (self.time, self.created) if name is not None}
        return pl.DataFrame(schema={name: _polars_type(kind) for name, kind in kinds.items()})

    def entities(self, rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
        """Return the rows' entities under the shape's names and in its types.

        Whole numbers of any width, categories, and times of any unit or zone are the same to it.

        Raises:
            NotFound: `rows` lack one of the columns `by`.
            UsageError: A column can't hold such an entity.
        """
        return pl.DataFrame(
            [
                _typed(column(rows, name), kind).alias(own)
                for name, (own, kind) in zip(by, self.entity, strict=True)
            ]
        )


def shape_of(view: FeatureView) -> Shape:
    """Return a view's shape."""
    columns = view.columns
    return Shape(
        source=view.source.name,
        entity=tuple((name, columns[name].type) for name in view.entity_columns),
        time=view.time,
        created=view.created,
        features=tuple((name, columns[name].type) for name in view.features),
        key=view.source.key_columns,
    )


def column(rows: pl.DataFrame, name: str) -> pl.Series:
    """Return a column. Raises `NotFound` with what there is."""
    if name not in rows.columns:
        raise NotFound.named("column", name, rows.columns)
    return rows.get_column(name)


def micros_of(rows: pl.DataFrame, name: str) -> pl.Series:
    """Return a column of moments as microseconds since 1970; times without a zone are UTC.

    Raises:
        NotFound: There is no such column.
        UsageError: It holds no moments.
    """
    times = column(rows, name)
    if times.dtype.base_type() not in (pl.Datetime, pl.Date, pl.Null):
        raise UsageError(
            f"the column {name!r} is {times.dtype}, and says no moments",
            remedy="Name a column of datetimes.",
        )
    return (times.cast(TIME) if times.dtype == pl.Null else times).dt.timestamp("us")


def _typed(values: pl.Series, kind: str) -> pl.Series:
    want = _polars_type(kind)
    given = values.dtype
    same = given in (want, pl.Null)
    alike = {
        "string": given.base_type() in (pl.Categorical, pl.Enum),
        "int64": given.is_integer(),
        "timestamp": given.base_type() is pl.Datetime,
    }
    if not same and not alike.get(kind, False):
        raise UsageError(
            f"the column {values.name!r} is {given}, and the entity it is matched with is a {kind}",
            remedy=f"Cast it first: pl.col({values.name!r}).cast(pl.{want.base_type().__name__}).",
        )
    if kind == "timestamp" and not same:
        return values.dt.timestamp("us").cast(want)
    return values if given == want else values.cast(want)


def _polars_type(kind: str) -> pl.DataType:
    return POLARS_TYPES[cast("ColumnType", kind)]
