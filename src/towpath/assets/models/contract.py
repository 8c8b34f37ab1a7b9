"""What a packaged model promises to those who serve, score and replay it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from towpath.ledger.records import Json

Task: TypeAlias = Literal["binary", "regression", "ranking", "forecast", "anomaly"]
"""What an answer means: see `Signature`."""

Flavour: TypeAlias = Literal[
    "catboost",
    "factors",
    "keras",
    "lightgbm",
    "onnx",
    "sklearn",
    "statsmodels",
    "torch",
    "xgboost",
]
"""The format that a package's files are in."""

Datatype: TypeAlias = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP32",
    "FP64",
    "BYTES",
]
"""The data types of the Open Inference Protocol v2 that a model's columns may have."""

ColumnValues: TypeAlias = "npt.NDArray[np.generic] | npt.NDArray[np.object_] | Sequence[object]"
"""One column of a request: a one-dimensional array, or the plain list that JSON gives."""

Rows: TypeAlias = "npt.NDArray[np.float64] | pl.DataFrame"
"""Checked rows, laid out as their model is called: it has a length, and `join_rows` puts several together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input column or output of a model, in the protocol's words.

    Attributes:
        name: The column's name.
        datatype: Its type on the wire. `BYTES` is text.
        shape: Always `(-1,)`: one value per row, any number of rows.
        nullable: Whether a value may be missing: `None` in a list, NaN in a float array. True for
            inputs in which the model saw missing values when it was trained.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...] = (-1,)
    nullable: bool = False

    def to_json(self) -> Json:
        """Return the protocol's metadata object, with `nullable` as our one addition."""
        return {
            "name": self.name,
            "datatype": self.datatype,
            "shape": list(self.shape),
            "nullable": self.nullable,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            name=cast(str, data["name"]),
            datatype=cast(Datatype, data["datatype"]),
            shape=tuple(cast("list[int]", data["shape"])),
            nullable=bool(data.get("nullable", False)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model takes and gives. The order of inputs is the order of the model's features.

    Every task has one output, `FP64`. `binary`: the probability that the outcome is 1. `regression`:
    the expected value. `forecast`: the expected value at the row's moment, which lies after all that
    the model learned from. `ranking`: a score by which the rows of one group are put in order, best
    first. `anomaly`: how strange the row is, more is stranger.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def output(self) -> str:
        """The name of the one output."""
        return self.outputs[0].name

    def to_json(self) -> Json:
        """Return `{"inputs": […], "outputs": […]}`, as model metadata and version bodies carry it."""
        return {
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        read = TensorSpec.from_json
        return cls(
            inputs=tuple(read(spec) for spec in cast("list[Json]", data["inputs"])),
            outputs=tuple(read(spec) for spec in cast("list[Json]", data["outputs"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """How rows hang together when a model is judged. None of these columns need be an input.

    Attributes:
        group: The columns whose equal values make rows belong together: a ranking's list (the query,
            the user, the session), a forecast's series. Needed for a ranking.
        time: The column that puts a forecast's rows in order: a time, a date or a period's number.
            Needed for a forecast.
        season: How many periods a season of a forecast has: what it must beat is the value of one
            season ago. 1 is the period before.
    """

    group: tuple[str, ...] = ()
    time: str | None = None
    season: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that test rows must have besides the inputs and the outcome."""
        return (*self.group, *(() if self.time is None else (self.time,)))

    def to_json(self) -> Json:
        """Return what `from_json` reads."""
        return {"group": list(self.group), "time": self.time, "season": self.season}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            group=tuple(cast("list[str]", data["group"])),
            time=cast("str | None", data["time"]),
            season=cast(int, data["season"]),
        )


class Predictor(Protocol):
    """A loaded model that answers. Thread-safe; row-wise: a row's answer depends on that row alone.

    For tree models row-wise is bit for bit: the answer to a row is the same alone, inside any batch,
    and when the decision is replayed later. Where a model multiplies matrices, a batch of another
    size may round its last digit otherwise; asked row by row, it too repeats itself exactly.

    `predict` is `answer` of `read`. The two steps are apart because a caller who serves many checks each
    request's rows by themselves, and may then have those of several answered at once.
    """

    @property
    def package(self) -> str:
        """Digest of the package it was loaded from."""
        ...

    @property
    def task(self) -> Task:
        """What the output means."""
        ...

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    def read(self, inputs: Mapping[str, ColumnValues]) -> Rows:
        """Check `n` rows given as columns of equal length, and lay them out.

        Raises:
            InvalidRequest: As `predict`.
        """
        ...

    def read_matrix(self, matrix: npt.NDArray[np.float64]) -> Rows:
        """Check `n` rows given as one matrix, all columns at once, and lay them out.

        The rows are the same, bit for bit, as those of `read` for the matrix's columns. They may share
        memory with the matrix: leave it as it is.

        Args:
            matrix: `(n, columns) float64`, C-ordered, columns as in the signature; NaN is a missing value,
                1 and 0 are true and false.

        Raises:
            InvalidRequest: It has another shape, a value that its column does not take, or the model has
                a column of text, which has no place in a matrix.
        """
        ...

    def answer(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Answer rows that this predictor has read, `(n,) float64`.

        Raises:
            InvalidRequest: The model's own preparation refuses a value.
        """
        ...

    def predict(self, inputs: Mapping[str, ColumnValues]) -> dict[str, npt.NDArray[np.float64]]:
        """Answer `n` rows given as columns of equal length.

        Integers are taken where floats are expected, and any width whose values fit; `BYTES` takes
        `str` or UTF-8 `bytes`. A level of a categorical column that training never saw counts as
        missing, which is not an error: new aeroplanes exist.

        Returns:
            The output's name to `(n,) float64`.

        Raises:
            InvalidRequest: A column is absent, unknown, of the wrong type or length, or has a missing
                or infinite value where that is not allowed. Names the column and the first bad row;
                never repeats the value.
        """
        ...
