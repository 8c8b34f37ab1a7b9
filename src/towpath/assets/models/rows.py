"""Requests become numbers: columns by name, checked value by value, in the model's order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np

from towpath.assets.models.inputs import polars_type
from towpath.core.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import ColumnValues, Rows, TensorSpec
    from towpath.assets.models.inputs import Inputs

_KINDS = {"BOOL": "b", "BYTES": "OSU", "FP32": "fiu", "FP64": "fiu"}
_WORDS = {"BOOL": "booleans", "BYTES": "text", "FP32": "numbers", "FP64": "numbers"}
_NAN = math.nan
_FEW = 128
_SOME = 8192  # of more, the product might go to several threads
_FP32_MOST = float(np.finfo(np.float32).max)
_FP64_MOST = float(np.finfo(np.float64).max)


def are_finite(values: npt.NDArray[np.float64]) -> bool:
    """Tell whether an array has neither NaN nor infinity.

    A sum is finite only if all that it is of are, and of some values it is there in a fifth of the time that
    looking at each takes: of a row's by Python's own, of a batch's by the product with itself.
    """
    if values.size <= _FEW:
        flat = values if values.ndim == 1 else values.ravel()
        if math.isfinite(sum(flat.tolist())):
            return True
    elif values.size <= _SOME and math.isfinite(np.vdot(values, values)):
        return True
    return bool(np.isfinite(values).all())


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several reads of one predictor, one below the other."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(cast("Sequence[npt.NDArray[np.float64]]", parts))
    import polars as pl  # noqa: PLC0415 - most models never need it in the gateway

    return pl.concat(cast("Sequence[pl.DataFrame]", parts))


class RowReader:
    """Checks requests against a model's inputs and lays them out for it. Thread-safe.

    One row, by far the most common request, takes a path without arrays; whatever that path can't take
    at once goes the general way, which also finds the words for what is wrong.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._columns = inputs.columns
        self._codes: dict[str, dict[str, float]] = {
            name: {level: float(code) for code, level in enumerate(levels)}
            for name, levels in inputs.levels.items()
        }
        self._quick = [
            (column.name, _quick_reader(column, self._codes.get(column.name, {})))
            for column in inputs.columns
        ]
        kinds = [column.datatype for column in inputs.columns]
        self._texts = [column.name for column in inputs.columns if column.datatype == "BYTES"]
        self._narrow = np.array([kind == "FP32" for kind in kinds])
        self._whole = np.array([kind not in ("FP32", "FP64", "BYTES") for kind in kinds])
        self._has_narrow, self._has_whole = bool(self._narrow.any()), bool(self._whole.any())
        self._nullable = np.array([column.nullable for column in inputs.columns])
        bounds = [_bounds(column) for column in inputs.columns]
        self._low = np.array([low for low, _ in bounds])
        self._high = np.array([high for _, high in bounds])

    def check(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return `(n, k) float64` whose every value its column takes: the same array where it can be.

        Raises:
            InvalidRequest: See `Predictor.read_matrix`.
        """
        width = len(self._columns)
        if matrix.ndim != 2 or matrix.shape[1] != width or matrix.dtype.char != "d":
            raise InvalidRequest(
                f"the rows have shape {list(matrix.shape)}, and the model {width} columns",
                remedy=f"Send [rows, {width}].",
            )
        if self._texts:
            raise InvalidRequest(
                f"the column {self._texts[0]!r} takes text, which has no place among numbers",
                remedy="Send one tensor per column.",
                columns=self._texts,
            )
        if self._has_narrow:
            with np.errstate(
                over="ignore"
            ):  # what doesn't fit becomes infinite, and is named below
                narrowed = matrix[:, self._narrow].astype(np.float32)
            matrix = matrix.copy()
            matrix[:, self._narrow] = narrowed
        if not are_finite(matrix):
            self._refuse(np.isinf(matrix) | (np.isnan(matrix) & ~self._nullable), _missing)
        if self._has_whole:
            with np.errstate(invalid="ignore"):
                parts = (matrix != np.floor(matrix)) & self._whole
                outside = (matrix < self._low) | (matrix > self._high)
            self._refuse(parts, lambda column, at: _wrong_type(column, "float", at))
            self._refuse(
                outside, lambda column, at: _wrong_type(column, "an integer out of range", at)
            )
        return matrix

    def framed(self, matrix: npt.NDArray[np.float64]) -> pl.DataFrame:
        """Return a checked matrix as a data frame, missing values as null."""
        import polars as pl  # noqa: PLC0415 - most models never need it in the gateway

        return pl.DataFrame(
            [
                pl.Series(column.name, matrix[:, at], nan_to_null=True).cast(
                    polars_type(column.datatype)
                )
                for at, column in enumerate(self._columns)
            ]
        )

    def _refuse(
        self, bad: npt.NDArray[np.bool_], words: Callable[[TensorSpec, int], NoReturn]
    ) -> None:
        """Name the first bad row of the first bad column, if there is one."""
        columns = bad.any(axis=0)
        if columns.any():
            at = int(np.argmax(columns))
            words(self._columns[at], int(np.argmax(bad[:, at])))

    def matrix(self, request: Mapping[str, ColumnValues]) -> npt.NDArray[np.float64]:
        """Return `(n, k) float64` with text as codes and missing values as NaN.

        Raises:
            InvalidRequest: See `Predictor.predict`.
        """
        row = self._one_row(request)
        if row is not None:
            return np.array([row], dtype=np.float64)
        n_rows = self._check_columns(request)
        matrix = np.empty((n_rows, len(self._columns)), dtype=np.float64)
        for at, column in enumerate(self._columns):
            values = request[column.name]
            if column.datatype == "BYTES":
                codes = self._codes[column.name]
                texts = _texts(column, values)
                matrix[:, at] = [_NAN if text is None else codes.get(text, _NAN) for text in texts]
            else:
                matrix[:, at] = _numbers(column, values)
        return matrix

    def frame(self, request: Mapping[str, ColumnValues]) -> pl.DataFrame:
        """Return the rows as a data frame, text as text and missing values as null.

        Raises:
            InvalidRequest: See `Predictor.predict`.
        """
        import polars as pl  # noqa: PLC0415 - most models never need it in the gateway

        self._check_columns(request)
        series: list[pl.Series] = []
        for column in self._columns:
            values = request[column.name]
            if column.datatype == "BYTES":
                series.append(pl.Series(column.name, _texts(column, values), dtype=pl.String))
                continue
            numbers = pl.Series(column.name, _numbers(column, values), nan_to_null=True)
            series.append(numbers.cast(polars_type(column.datatype)))
        return pl.DataFrame(series)

    def _one_row(self, request: Mapping[str, ColumnValues]) -> list[float] | None:
        """Read a request of one plain row, or return None for the general way to look at it."""
        if len(request) != len(self._quick):
            return None
        row: list[float] = []
        for name, read in self._quick:
            values = request.get(name)
            if values is None or len(values) != 1:
                return None
            value = values[0]
            number = read(value.item() if isinstance(value, np.generic) else value)
            if number is None:
                return None
            row.append(number)
        return row

    def _check_columns(self, request: Mapping[str, ColumnValues]) -> int:
        """Return the number of rows that every column has."""
        names = [column.name for column in self._columns]
        absent = [name for name in names if name not in request]
        if absent:
            raise InvalidRequest(
                f"the request lacks the column {absent[0]!r}",
                remedy=f"The model takes: {', '.join(names)}.",
                columns=absent,
            )
        if len(request) > len(names):
            unknown = next(name for name in request if name not in names)
            hint = NotFound.named("column", unknown, names).remedy
            raise InvalidRequest(
                f"the model takes no column {unknown!r}", remedy=hint, columns=[unknown]
            )
        n_rows = len(request[names[0]])
        for name in names:
            values = request[name]
            if isinstance(values, np.ndarray) and values.ndim != 1:
                raise InvalidRequest(
                    f"the column {name!r} has shape {list(values.shape)}, not [{n_rows}]",
                    column=name,
                )
            if len(values) != n_rows:
                raise InvalidRequest(
                    f"the column {name!r} has {len(values)} rows, but {names[0]!r} has {n_rows}",
                    column=name,
                )
        return n_rows


def _quick_reader(column: TensorSpec, codes: Mapping[str, float]) -> Callable[[Any], float | None]:
    """Return a function from one plain value to its number; None for anything out of the ordinary."""
    if column.datatype == "BYTES":
        return _quick_text(column, codes)
    if column.datatype == "BOOL":
        return lambda value: float(value) if type(value) is bool else None
    if column.datatype in ("FP32", "FP64"):
        return _quick_float(column)
    low, high = _limits(column)
    return lambda value: float(value) if type(value) is int and low <= value <= high else None


def _quick_text(column: TensorSpec, codes: Mapping[str, float]) -> Callable[[Any], float | None]:
    nullable = column.nullable

    def read(value: Any) -> float | None:
        if type(value) is str:
            return codes.get(value, _NAN)
        return _NAN if value is None and nullable else None

    return read


def _quick_float(column: TensorSpec) -> Callable[[Any], float | None]:
    narrow, nullable = column.datatype == "FP32", column.nullable
    most = _FP32_MOST if narrow else _FP64_MOST

    def read(value: Any) -> float | None:
        kind = type(value)
        if (kind is float or kind is int) and -most <= value <= most:
            return float(np.float32(value)) if narrow else float(value)
        return _NAN if value is None and nullable else None

    return read


def _texts(column: TensorSpec, values: ColumnValues) -> list[str | None]:
    """Return a text column's values, None for missing ones."""
    if isinstance(values, np.ndarray) and values.dtype.kind not in _KINDS["BYTES"]:
        _wrong_type(column, values.dtype)
    texts: list[str | None] = []
    for at, value in enumerate(values):
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, bytes):
            try:
                texts.append(value.decode())
            except UnicodeDecodeError as error:
                raise InvalidRequest(
                    f"the column {column.name!r} is not UTF-8 in row {at}",
                    column=column.name,
                    row=at,
                ) from error
        elif value is None and column.nullable:
            texts.append(None)
        elif value is None:
            _missing(column, at)
        else:
            _wrong_type(column, type(value).__name__, at)
    return texts


def _numbers(column: TensorSpec, values: ColumnValues) -> npt.NDArray[np.float64]:
    """Return a numeric column's values as float64, NaN for missing ones."""
    array: npt.NDArray[Any] = values if isinstance(values, np.ndarray) else _array(column, values)
    if array.dtype.kind == "O":
        array = _array(column, cast("Sequence[object]", array.tolist()))
    if array.dtype.kind not in _KINDS.get(column.datatype, "iu"):
        _wrong_type(column, array.dtype)
    if array.dtype.kind in "iu" and column.datatype not in ("FP32", "FP64"):
        low, high = _limits(column)
        outside = np.flatnonzero((array < low) | (array > high))
        if outside.size:
            _wrong_type(column, "an integer out of range", int(outside[0]))
    if column.datatype == "FP32":
        with np.errstate(over="ignore"):  # what doesn't fit becomes infinite, and is named below
            array = array.astype(np.float32)
    numbers = array.astype(np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        bad = np.isinf(numbers) if column.nullable else ~finite
        if bad.any():
            _missing(column, int(np.argmax(bad)))
    return numbers


def _array(column: TensorSpec, values: Sequence[object]) -> npt.NDArray[np.generic]:
    """Return a list of plain values as an array of one kind, or name the value that is of another."""
    if column.datatype == "BOOL":
        wanted: tuple[type, ...] = (bool,)
    elif column.datatype in ("FP32", "FP64"):
        wanted = (float, int)
    else:
        wanted = (int,)
    for at, value in enumerate(values):
        plain = value.item() if isinstance(value, np.generic) else value
        if plain is None and not column.nullable:
            _missing(column, at)
        if plain is not None and type(plain) not in wanted:
            _wrong_type(column, type(plain).__name__, at)
    try:
        if column.datatype in ("FP32", "FP64"):
            return np.array(
                [_NAN if value is None else value for value in values], dtype=np.float64
            )
        return np.array(
            values, dtype="bool" if column.datatype == "BOOL" else column.datatype.lower()
        )
    except OverflowError as error:
        raise InvalidRequest(
            f"the column {column.name!r} holds an integer that fits no {column.datatype}",
            column=column.name,
        ) from error


def _limits(column: TensorSpec) -> tuple[int, int]:
    """Return the smallest and largest value of a whole-number type."""
    if column.datatype not in ("BOOL", "BYTES", "FP32", "FP64"):
        info = np.iinfo(column.datatype.lower())
        return int(info.min), int(info.max)
    raise ValueError(column.datatype)


def _bounds(column: TensorSpec) -> tuple[float, float]:
    """Return the smallest and largest float that a column takes."""
    if column.datatype in ("FP32", "FP64", "BYTES"):
        return -math.inf, math.inf
    if column.datatype == "BOOL":
        return 0.0, 1.0
    low, high = _limits(column)
    most = float(high)
    return float(low), most if int(most) <= high else math.nextafter(most, 0.0)


def _missing(column: TensorSpec, at: int) -> NoReturn:
    raise InvalidRequest(
        f"the column {column.name!r} has a missing or infinite value in row {at}",
        remedy="The model never saw one in training."
        if not column.nullable
        else "Send null for a missing value; infinity is not a number to compare.",
        column=column.name,
        row=at,
    )


def _wrong_type(column: TensorSpec, found: object, at: int | None = None) -> NoReturn:
    where = "" if at is None else f" in row {at}"
    fields: dict[str, Any] = (
        {"column": column.name} if at is None else {"column": column.name, "row": at}
    )
    raise InvalidRequest(
        f"the column {column.name!r} takes {column.datatype}"
        f" ({_WORDS.get(column.datatype, 'whole numbers')}), not {found}{where}",
        **fields,
    )
