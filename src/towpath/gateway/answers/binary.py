"""Tensors as bytes beside the JSON instead of in it: Triton's binary tensor data extension.

A request says in `Inference-Header-Content-Length` how many bytes its JSON has; the raw values of the
inputs follow it, in their order, each as many bytes as its parameter `binary_data_size` says. Numbers are
little-endian and packed; each element of `BYTES` is its length, as four bytes, and its UTF-8 text.
https://github.com/triton-inference-server/server, `docs/protocol/extension_binary_data.md`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from towpath.core.errors import InvalidRequest
from towpath.gateway.answers.tensors import unknown_datatype

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.gateway.protocol import InferRequest, InferResponse, OutputTensor, Tensor

EXTENSION: Final = "binary_tensor_data"
HEADER: Final = b"inference-header-content-length"
SIZE: Final = "binary_data_size"
_WANTED: Final = "binary_data"

_LENGTH: Final = struct.Struct("<I")
_DTYPES: Final = {
    "BOOL": np.dtype("?"),
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
    "BF16": np.dtype("<u2"),
}
_encode = msgspec.json.Encoder().encode


def json_bytes(header: bytes, body: bytes) -> int:
    """Return how many of a body's bytes are JSON: all, unless the header says otherwise.

    Raises:
        InvalidRequest: The header is no number, or larger than the body.
    """
    if not header:
        return len(body)
    if not header.isdigit() or int(header) > len(body):
        raise InvalidRequest(
            "Inference-Header-Content-Length is not the length of the JSON in this body",
            remedy=f"Send the number of bytes before the first tensor's, {len(body)} at most.",
        )
    return int(header)


def attach(request: InferRequest, raw: memoryview) -> None:
    """Give the inputs that announce binary data their values, out of the bytes behind the JSON.

    Numbers stay where they are, as an array over the bytes. A NaN is a missing value, as null is in JSON,
    which has no NaN.

    Raises:
        InvalidRequest: The sizes don't add up to the bytes that are there, an input has both kinds of data,
            its bytes don't fill its shape, its datatype is unknown, or a text is not UTF-8.
    """
    start = 0
    for tensor in request.inputs:
        if tensor.parameters is None:
            continue
        size = tensor.parameters.get(SIZE)
        if size is None:
            continue
        if type(size) is not int or size < 0:
            raise _bad(tensor, f"has {SIZE} {size!r}, which is no number of bytes")
        if tensor.data is not None:
            raise _bad(tensor, f"has both data and {SIZE}", "Send one of them.")
        end = start + size
        if end > len(raw):
            raise _bad(
                tensor,
                f"announces {size} bytes where {len(raw) - start} are left",
                "Send Inference-Header-Content-Length, and the tensors' bytes behind the JSON.",
            )
        tensor.data = _values(tensor, raw[start:end])
        start = end
    if start != len(raw):
        raise InvalidRequest(
            f"{len(raw) - start} bytes behind the JSON belong to no input",
            remedy=f"Announce each input's bytes as its parameter {SIZE!r}, in the inputs' order.",
        )


def encode(request: InferRequest, response: InferResponse) -> tuple[bytes, int | None]:
    """Return the answer's body, and how many bytes of it are JSON where outputs follow as bytes.

    An output is sent as bytes where the request says so: of that output (`binary_data`), or of all
    (`binary_data_output`).
    """
    if request.outputs is None and not request.parameters.binary_data_output:
        return _encode(response), None
    asked = {one.name: one.parameters or {} for one in request.outputs or ()}
    default = request.parameters.binary_data_output
    pieces: list[bytes] = []
    for output in response.outputs:
        if asked.get(output.name, {}).get(_WANTED, default):
            pieces.append(packed(output))
    head = _encode(response)
    return (b"".join([head, *pieces]), len(head)) if pieces else (head, None)


def packed(output: OutputTensor) -> bytes:
    """Take an output's values out of it, leave how many bytes they are, and return these."""
    data = np.array(output.data, dtype=_DTYPES[output.datatype]).tobytes()
    output.data = None
    output.parameters = {SIZE: len(data)}
    return data


def _values(tensor: Tensor, raw: memoryview) -> list[Any] | npt.NDArray[Any]:
    if tensor.datatype == "BYTES":
        return _texts(tensor, raw)
    dtype = _DTYPES.get(tensor.datatype)
    if dtype is None:
        raise unknown_datatype(tensor.name, tensor.datatype)
    if len(raw) % dtype.itemsize:
        raise _bad(tensor, f"has {len(raw)} bytes, which are no whole {tensor.datatype} values")
    values = np.frombuffer(raw, dtype=dtype)
    if tensor.datatype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    if tensor.datatype == "BOOL" and values.view(np.uint8).max(initial=0) > 1:
        raise _bad(tensor, "has a byte that is neither 0 nor 1, and so no BOOL")
    return values


def _texts(tensor: Tensor, raw: memoryview) -> list[Any]:
    texts: list[Any] = []
    start = 0
    try:
        while start < len(raw):
            (length,) = _LENGTH.unpack_from(raw, start)
            start += _LENGTH.size
            if start + length > len(raw):
                raise _bad(
                    tensor, f"has a text of {length} bytes where {len(raw) - start} are left"
                )
            texts.append(str(raw[start : start + length], "utf-8"))
            start += length
    except struct.error as error:
        raise _bad(tensor, "ends in the middle of a text's length") from error
    except UnicodeDecodeError as error:
        raise _bad(tensor, f"has a text in row {len(texts)} that is not UTF-8") from error
    return texts


def _bad(tensor: Tensor, what: str, remedy: str = "") -> InvalidRequest:
    return InvalidRequest(f"the input {tensor.name!r} {what}", remedy=remedy, column=tensor.name)
