"""From the tensors of a request to the columns that a model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def columns_of(tensors: Sequence[Tensor]) -> tuple[int, dict[str, list[Any]]]:
    """Return the number of rows, and each column's values; a missing value is None.

    A tensor has shape `[n]` or `[n, 1]`, its data flat or nested.

    Raises:
        InvalidRequest: A tensor names an unknown datatype, a value is not of it, the data does not
            fill the shape, tensors differ in rows, or two share a name. Never repeats a value.
    """
    if not tensors:
        raise InvalidRequest("the request has no inputs", remedy="Send one tensor per column.")
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


def _values(tensor: Tensor) -> list[Any]:
    """Return a tensor's values as one flat, checked list."""
    shape = tensor.shape
    if not shape or len(shape) > 2 or shape[0] < 0 or shape[1:] not in ([], [1]):
        raise InvalidRequest(
            f"the input {tensor.name!r} has shape {shape}",
            remedy="Send one tensor per column, of shape [rows] or [rows, 1].",
            column=tensor.name,
        )
    if tensor.data is None:
        raise InvalidRequest(f"the input {tensor.name!r} has no data", column=tensor.name)
    values = tensor.data
    if values and type(values[0]) is list:
        values = _unnested(tensor.name, values)
    if len(values) != shape[0]:
        raise InvalidRequest(
            f"the input {tensor.name!r} has {len(values)} values for shape {shape}",
            column=tensor.name,
        )
    if tensor.datatype in _INTEGERS and any(type(value) is float for value in values):
        values = [_whole(value) for value in values]
    _check(tensor.name, tensor.datatype, values)
    return values


def _whole(value: Any) -> Any:
    """Return 7 for 7.0: they are one number in JSON, and some clients write every number as a float."""
    return int(value) if type(value) is float and value.is_integer() else value


def _unnested(name: str, values: list[Any]) -> list[Any]:
    """Flatten `[[a], [b]]`."""
    flat: list[Any] = []
    for value in values:
        if type(value) is not list or len(value) != 1 or type(value[0]) is list:
            raise InvalidRequest(
                f"the input {name!r} is nested unevenly or too deep",
                remedy="Send its data flat, or one value per inner list.",
                column=name,
            )
        flat.append(value[0])
    return flat


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
        raise InvalidRequest(
            f"the input {name!r} has the unknown datatype {datatype!r}",
            remedy=f"Known: {', '.join(DATATYPES)}.",
            column=name,
        )
    if any(bad):
        row = bad.index(True)
        raise InvalidRequest(
            f"the input {name!r} has a value in row {row} that is not {datatype}",
            column=name,
            row=row,
        )
