"""From the tensors of a request to the columns that a model takes."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.models import TensorSpec
    from towpath.gateway.protocol import Tensor

_INTEGERS: Final = {
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
_FLOATS: Final = {
    "FP16": 65_504.0,
    "BF16": 3.3895313892515355e38,
    "FP32": 3.4028234663852886e38,
    "FP64": float("inf"),
}
DATATYPES: Final = ("BOOL", *_INTEGERS, *_FLOATS, "BYTES")


def columns_of(
    tensors: Sequence[Tensor], inputs: Sequence[TensorSpec]
) -> tuple[int, dict[str, list[Any]]]:
    """Return the number of rows, and each column's values; a missing value is None.

    A tensor has shape `[n]` or `[n, 1]`, its data flat or nested. One tensor alone may hold all of a
    model's columns, as clients of other servers send them: shape `[n, columns]`, row by row.

    Args:
        tensors: What was sent.
        inputs: The model's columns, in its order.

    Raises:
        InvalidRequest: A tensor names an unknown datatype, a value is not of it, the data does not
            fill the shape, tensors differ in rows, or two share a name. Never repeats a value.
    """
    if not tensors:
        raise InvalidRequest("the request has no inputs", remedy="Send one tensor per column.")
    if len(tensors) == 1 and len(tensors[0].shape) == 2 and tensors[0].shape[1] != 1:
        return _unrolled(tensors[0], inputs)
    columns: dict[str, list[Any]] = {}
    rows = -1
    for tensor in tensors:
        values = _values(tensor)
        if tensor.name in columns:
            raise InvalidRequest(f"the input {tensor.name!r} is there twice", column=tensor.name)
        if rows not in (-1, len(values)):
            raise InvalidRequest(
                f"the input {tensor.name!r} has {len(values)} rows, those before it {rows}",
                column=tensor.name,
            )
        rows = len(values)
        columns[tensor.name] = values
    if rows == 0:
        raise InvalidRequest("the request has no rows")
    return rows, columns


def values_of(tensor: Tensor) -> list[Any] | None:
    """Return a tensor's data as a list, None for what is missing: in bytes that is a NaN."""
    values = tensor.data
    if not isinstance(values, np.ndarray):
        return values
    found: list[Any] = values.tolist()
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return found
    return [None if isnan(value) else value for value in found]


def _unrolled(tensor: Tensor, inputs: Sequence[TensorSpec]) -> tuple[int, dict[str, list[Any]]]:
    """Return the columns of a tensor that holds all of them."""
    rows, width = tensor.shape
    if rows <= 0 or width != len(inputs):
        raise InvalidRequest(
            f"the input {tensor.name!r} has shape {tensor.shape}, and the model {len(inputs)} columns",
            remedy=f"Send [rows, {len(inputs)}], or one tensor per column: "
            f"{', '.join(one.name for one in inputs)}.",
            column=tensor.name,
        )
    values = values_of(tensor)
    if values is None:
        raise InvalidRequest(f"the input {tensor.name!r} has no data", column=tensor.name)
    if values and type(values[0]) is list:
        if not all(type(row) is list and len(row) == width for row in values):
            raise _uneven(tensor.name)
        values = [value for row in values for value in row]
    if len(values) != rows * width:
        raise _unfilled(tensor, len(values))
    _check(tensor.name, tensor.datatype, values)
    columns = {one.name: values[at::width] for at, one in enumerate(inputs)}
    for one in inputs:
        if one.datatype in _INTEGERS and tensor.datatype in _FLOATS:
            columns[one.name] = [_whole(value) for value in columns[one.name]]
        elif one.datatype == "BOOL":
            columns[one.name] = [_truth(value) for value in columns[one.name]]
    return rows, columns


def _values(tensor: Tensor) -> list[Any]:
    """Return a tensor's values as one flat, checked list."""
    shape = tensor.shape
    if not shape or len(shape) > 2 or shape[0] < 0 or shape[1:] not in ([], [1]):
        raise InvalidRequest(
            f"the input {tensor.name!r} has shape {shape}",
            remedy="Send one tensor per column, of shape [rows] or [rows, 1], or one for all columns.",
            column=tensor.name,
        )
    values = values_of(tensor)
    if values is None:
        raise InvalidRequest(f"the input {tensor.name!r} has no data", column=tensor.name)
    if values and type(values[0]) is list:
        values = _unnested(tensor.name, values)
    if len(values) != shape[0]:
        raise _unfilled(tensor, len(values))
    if tensor.datatype in _INTEGERS and any(type(value) is float for value in values):
        values = [_whole(value) for value in values]
    elif tensor.datatype == "BOOL":
        values = [_truth(value) for value in values]
    _check(tensor.name, tensor.datatype, values)
    return values


def _whole(value: Any) -> Any:
    """Return 7 for 7.0: they are one number in JSON, and some clients write every number as a float."""
    return int(value) if type(value) is float and value.is_integer() else value


def _truth(value: Any) -> Any:
    """Return true for 1 and false for 0: the protocol's own Python client sends 1.0 and 0.0."""
    return value == 1 if type(value) in (int, float) and value in (0, 1) else value


def _unnested(name: str, values: list[Any]) -> list[Any]:
    """Flatten `[[a], [b]]`."""
    flat: list[Any] = []
    for value in values:
        if type(value) is not list or len(value) != 1 or type(value[0]) is list:
            raise _uneven(name)
        flat.append(value[0])
    return flat


def _uneven(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"the input {name!r} is nested unevenly or too deep",
        remedy="Send its data flat, or a list per row.",
        column=name,
    )


def _unfilled(tensor: Tensor, count: int) -> InvalidRequest:
    return InvalidRequest(
        f"the input {tensor.name!r} has {count} values for shape {tensor.shape}", column=tensor.name
    )


def unknown_datatype(name: str, datatype: str) -> InvalidRequest:
    """Return the refusal of an input whose datatype the protocol does not have."""
    return InvalidRequest(
        f"the input {name!r} has the unknown datatype {datatype!r}",
        remedy=f"Known: {', '.join(DATATYPES)}.",
        column=name,
    )


def _check(name: str, datatype: str, values: list[Any]) -> None:
    """Refuse values that are not of the tensor's datatype; null is for the model to judge."""
    if bounds := _INTEGERS.get(datatype):
        low, high = bounds
        bad = [v is not None and not (type(v) is int and low <= v <= high) for v in values]
    elif limit := _FLOATS.get(datatype):
        bad = [
            v is not None and not (type(v) in (int, float) and -limit <= v <= limit) for v in values
        ]
    elif datatype == "BYTES":
        bad = [v is not None and type(v) is not str for v in values]
    elif datatype == "BOOL":
        bad = [v is not None and type(v) is not bool for v in values]
    else:
        raise unknown_datatype(name, datatype)
    if any(bad):
        row = bad.index(True)
        raise InvalidRequest(
            f"the input {name!r} has a value in row {row} that is not {datatype}",
            column=name,
            row=row,
        )
