"""How a step's state is written: plain values, bytes and arrays; nothing that runs code when read."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from towpath.core.errors import IntegrityError, UsageError

_ARRAY = 1
_MAGIC = b"towpath state 1\n"


class _Array(msgspec.Struct, frozen=True, array_like=True):
    dtype: str
    shape: list[int]
    data: bytes


def encode_state(state: object, *, owner: str) -> bytes:
    """Write a state.

    Args:
        state: `None`, booleans, numbers, text, bytes, numpy arrays, and lists, tuples and dicts with
            text keys of them. Tuples come back as lists. A model travels as bytes in its own format.
        owner: Whose it is, so that no two owners' states are ever the same bytes.

    Raises:
        UsageError: It holds something else.
    """
    try:
        return _MAGIC + msgspec.msgpack.encode([owner, state], enc_hook=_write)
    except (TypeError, OverflowError, ValueError) as error:
        raise UsageError(
            f"a checkpoint can't hold what was given: {error}",
            remedy="Give bytes, numbers, text, numpy arrays, and lists and dicts of them; a model as "
            "bytes in its own format.",
        ) from error


def decode_state(data: bytes) -> Any:
    """Read a state.

    Raises:
        IntegrityError: These bytes are none.
    """
    if not data.startswith(_MAGIC):
        raise IntegrityError("these bytes are no checkpoint's")
    try:
        _, state = msgspec.msgpack.decode(data[len(_MAGIC) :], ext_hook=_read)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise IntegrityError("a checkpoint's bytes can't be read") from error
    return state


def _write(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        raise TypeError(f"it holds a {type(value).__name__}")
    plain = np.ascontiguousarray(value)
    array = _Array(plain.dtype.str, list(value.shape), plain.tobytes())
    return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(array))


def _read(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise ValueError(f"an extension {code} is not known")
    array = msgspec.msgpack.decode(data, type=_Array)
    dtype = np.dtype(array.dtype)
    if dtype.hasobject:
        raise ValueError("an array of objects")
    return np.frombuffer(array.data, dtype=dtype).reshape(array.shape).copy()
