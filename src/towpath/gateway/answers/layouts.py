"""From the tensors of a request to one matrix, for models that take numbers only.

This is the short way for most requests, and it knows no words: whatever is out of the ordinary it leaves to
`tensors`, which takes it apart column by column, and says what is wrong with it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from towpath.gateway.protocol import NumberTensor, TruthTensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from towpath.assets.models import TensorSpec
    from towpath.gateway.protocol import Tensor

_FP32_MOST: Final = 3.4028234663852886e38
_EXACT: Final = 2.0**53
"""Whole numbers beyond this are not all floats, so the decision's record needs them as they came."""


class MatrixLayout:
    """Lays requests out as `(rows, columns) float64`, C-ordered, NaN for a missing value. Immutable.

    Args:
        inputs: A model's columns, all of them numbers or truth values, which are 1 and 0.

    Attributes:
        has_truths: Whether there are truth values among them.
    """

    def __init__(self, inputs: Sequence[TensorSpec]) -> None:
        self._expected = [(one.name, one.datatype) for one in inputs]
        self.has_truths = any(one.datatype == "BOOL" for one in inputs)
        self._row = struct.Struct(f"<{len(inputs)}d")
        most = np.array([_most(one.datatype) for one in inputs])
        self._most = None if np.isinf(most).all() else most

    @classmethod
    def of(cls, inputs: Sequence[TensorSpec]) -> MatrixLayout | None:
        """Return the layout of a model's columns; None if one of them holds text."""
        return None if any(one.datatype == "BYTES" for one in inputs) else cls(inputs)

    def matrix(self, tensors: Sequence[Tensor]) -> npt.NDArray[np.float64] | None:
        """Return the rows; None where that is for `columns_of` to judge.

        A row may still hold what its model refuses: a missing value, or 7.5 of a whole number.
        """
        width = len(self._expected)
        if len(tensors) == 1 and width > 1:
            matrix = self._whole(tensors[0], width)
        elif len(tensors) == width:
            matrix = self._columns(tensors, width)
        else:
            return None
        if matrix is None or self._most is None or not (np.abs(matrix) > self._most).any():
            return matrix
        return None

    def _whole(self, tensor: Tensor, width: int) -> npt.NDArray[np.float64] | None:
        """Read one tensor that holds all columns, row by row."""
        shape, values = tensor.shape, tensor.data
        if len(shape) != 2 or shape[1] != width or tensor.datatype not in ("FP64", "FP32"):
            return None
        is_plain = type(tensor) is NumberTensor and type(values) is list
        if not is_plain or not values or type(values[0]) is list:
            values = _flat(tensor, width)
        if values is None or len(values) != shape[0] * width or not len(values):
            return None
        numbers = _packed(values, self._row if shape[0] == 1 else None)
        if numbers is None or (tensor.datatype == "FP32" and (np.abs(numbers) > _FP32_MOST).any()):
            return None
        return numbers.reshape(shape)

    def _columns(self, tensors: Sequence[Tensor], width: int) -> npt.NDArray[np.float64] | None:
        """Read one tensor per column, in any order."""
        named = {tensor.name: tensor for tensor in tensors}
        count = len(tensors[0].data) if tensors[0].data is not None else 0
        flat: list[Any] = []
        for name, datatype in self._expected:
            tensor = named.get(name)
            if tensor is None or tensor.datatype != datatype:
                return None
            if tensor.shape not in ([count], [count, 1]):
                return None
            values = _flat(tensor, 1, truths=datatype == "BOOL")
            if values is None or len(values) != count:
                return None
            flat += values if isinstance(values, list) else values.tolist()
        numbers = _packed(flat) if flat else None
        if numbers is None or count == 1:
            return None if numbers is None else numbers.reshape(1, width)
        return np.ascontiguousarray(numbers.reshape(width, count).T)


def _flat(
    tensor: Tensor, width: int, *, truths: bool = False
) -> list[Any] | npt.NDArray[Any] | None:
    """Return a tensor's numbers row by row; None if they may be something else."""
    values = tensor.data
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind in ("fiub" if truths else "fiu") else None
    if not isinstance(tensor, NumberTensor) or not values:
        return None
    if type(values[0]) is list:
        if not all(type(row) is list and len(row) == width for row in values):
            return None
        return [value for row in values for value in row]
    if type(tensor) is TruthTensor and not truths and bool in map(type, values):
        return None  # which Python takes for a number, and nobody else does
    return values


def _packed(
    values: list[Any] | npt.NDArray[Any], packer: struct.Struct | None = None
) -> npt.NDArray[np.float64] | None:
    """Return numbers and nulls as floats; None if one is beyond all floats, or a list."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)  # copied: bytes out of a body may lie at any address
    if packer is None:
        packer = struct.Struct(f"<{len(values)}d")
    try:
        # A third of the time that numpy takes, which looks for the type of each value.
        return np.frombuffer(packer.pack(*values), np.float64)
    except (struct.error, OverflowError):
        pass
    try:
        return np.array(values, dtype=np.float64)  # takes nulls for NaN
    except (ValueError, TypeError, OverflowError):
        return None


def _most(datatype: str) -> float:
    """Return up to which value a column is laid out here."""
    if datatype in ("INT64", "UINT64"):
        return _EXACT
    return _FP32_MOST if datatype == "FP32" else np.inf
