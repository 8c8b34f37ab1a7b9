"""The columns a model takes, and how they become numbers: the same way in training and serving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

import numpy as np

from towpath.assets.models.contract import TensorSpec
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Datatype
    from towpath.ledger.records import Json

MAX_LEVELS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Names, types and category levels of a model's columns, taken once from its training features.

    Text columns are categories: each becomes the position of its level in `levels`, a missing or
    never seen one becomes NaN, as LightGBM and histogram boosting expect. Everything else becomes
    `float64`. Take it from the training rows, train on `matrix`, and hand it to `Model`: then training
    and serving can't disagree about a code.

        inputs = Inputs.of(rows.select("origin", "hour", "wind_speed"))
        booster = lightgbm.train(
            params,
            lightgbm.Dataset(inputs.matrix(rows), label, categorical_feature=inputs.categorical),
        )
        return Model(booster, inputs=inputs, outcome="late")

    Attributes:
        columns: One spec per column, in feature order.
        levels: Levels of each text column, in code order.
    """

    columns: tuple[TensorSpec, ...]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, frame: pl.DataFrame, *, nullable: Iterable[str] = ()) -> Self:
        """Take names, types, levels and missing values from training features.

        Levels are sorted, except those of an `Enum`, which keep their declared order. Float NaN is
        read as missing. A whole-number column with missing values becomes `FP64`, because arrays of
        whole numbers can't say "missing".

        Args:
            frame: The training features and nothing else.
            nullable: Columns whose value may be missing in a request although no training row lacks
                it. Every column that has missing values here is nullable anyway.

        Raises:
            UsageError: A column is of a type that no model takes (a time, a list), is text with more
                than 10,000 levels, or there are no columns or rows; or `nullable` names no column.
        """
        nullable = frozenset(nullable)
        if unknown := nullable - set(frame.columns):
            raise UsageError(f"nullable names no column of the features: {sorted(unknown)}")
        if frame.width == 0 or frame.height == 0:
            raise UsageError(
                f"a model can't take its inputs from {frame.height} rows of {frame.width} columns",
                remedy="Pass the training features.",
            )
        levels: dict[str, tuple[str, ...]] = {}
        columns: list[TensorSpec] = []
        for series in frame.iter_columns():
            gaps = series.name in nullable or _has_gaps(series)
            datatype = _datatype(series, nullable=gaps)
            if datatype == "BYTES":
                levels[series.name] = _levels(series)
            columns.append(TensorSpec(name=series.name, datatype=datatype, nullable=gaps))
        return cls(columns=tuple(columns), levels=levels)

    @property
    def names(self) -> list[str]:
        """Column names in feature order."""
        return [column.name for column in self.columns]

    @property
    def categorical(self) -> list[int]:
        """Positions of the text columns, for LightGBM's `categorical_feature`."""
        return [at for at, column in enumerate(self.columns) if column.datatype == "BYTES"]

    def matrix(self, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Return `(n_rows, n_columns) float64`, C-ordered, from a frame that has these columns.

        Raises:
            UsageError: The frame lacks a column.
        """
        import polars as pl  # noqa: PLC0415 - the gateway imports this module and never a frame

        self._check(frame)
        matrix = np.empty((frame.height, len(self.columns)), dtype=np.float64)
        for at, column in enumerate(self.columns):
            series = frame.get_column(column.name)
            if column.datatype == "BYTES":
                codes = {level: code for code, level in enumerate(self.levels[column.name])}
                series = series.cast(pl.String).replace_strict(
                    codes, default=None, return_dtype=pl.Float64
                )
            elif column.datatype == "FP32":
                series = series.cast(pl.Float32)
            matrix[:, at] = series.cast(pl.Float64).to_numpy()
        return matrix

    def frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return these columns of a frame in order, each in the type that training saw.

        Raises:
            UsageError: The frame lacks a column.
        """
        self._check(frame)
        return frame.select(
            frame.get_column(column.name).cast(polars_type(column.datatype))
            for column in self.columns
        )

    def to_json(self) -> Json:
        """Return what `from_json` reads."""
        return {
            "columns": [column.to_json() for column in self.columns],
            "levels": {name: list(levels) for name, levels in self.levels.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        levels = cast("dict[str, list[str]]", data["levels"])
        return cls(
            columns=tuple(
                TensorSpec.from_json(spec) for spec in cast("list[Json]", data["columns"])
            ),
            levels={name: tuple(values) for name, values in levels.items()},
        )

    def _check(self, frame: pl.DataFrame) -> None:
        absent = [name for name in self.names if name not in frame.columns]
        if absent:
            raise UsageError(f"the rows lack the model's columns {absent}", columns=absent)


def polars_type(datatype: Datatype) -> type[pl.DataType]:
    """Return the polars type that holds a data type of the protocol."""
    import polars as pl  # noqa: PLC0415 - as above

    named = {"BOOL": "Boolean", "FP32": "Float32", "FP64": "Float64", "BYTES": "String"}
    return getattr(pl, named.get(datatype) or datatype.capitalize().replace("Uint", "UInt"))


def _has_gaps(series: pl.Series) -> bool:
    return series.null_count() > 0 or (series.dtype.is_float() and bool(series.is_nan().any()))


def _datatype(series: pl.Series, *, nullable: bool) -> Datatype:
    """Return the protocol's name for a column's type."""
    import polars as pl  # noqa: PLC0415 - as above

    kind = series.dtype
    if isinstance(kind, (pl.String, pl.Categorical, pl.Enum)):
        return "BYTES"
    if kind.is_float():
        return "FP32" if kind == pl.Float32 else "FP64"
    if kind.is_integer() and str(kind) not in ("Int128", "UInt128"):
        return "FP64" if nullable else cast("Datatype", str(kind).upper())
    if kind == pl.Boolean:
        return "FP64" if nullable else "BOOL"
    raise UsageError(
        f"the column {series.name!r} is {kind}, which a model can't take",
        remedy="Turn times into numbers (hour, weekday, minutes since …) and lists into columns.",
        column=series.name,
    )


def _levels(series: pl.Series) -> tuple[str, ...]:
    """Return the levels of a text column in code order."""
    import polars as pl  # noqa: PLC0415 - as above

    if isinstance(series.dtype, pl.Enum):
        levels = series.dtype.categories.to_list()
    else:
        levels = series.cast(pl.String).drop_nulls().unique().sort().to_list()
    if len(levels) > MAX_LEVELS:
        raise UsageError(
            f"the text column {series.name!r} has {len(levels):,} levels",
            remedy=f"At most {MAX_LEVELS:,} are sensible; group the rare ones or drop the column.",
            column=series.name,
        )
    return tuple(levels)
