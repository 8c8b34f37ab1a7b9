"""Between protobuf's messages and those of the protocol that everything else here knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.core.errors import InvalidRequest
from towpath.gateway.answers import binary
from towpath.gateway.protocol import (
    InferParameters,
    InferRequest,
    NumberTensor,
    Tensor,
    WantedOutput,
)
from towpath.gateway.rpc.messages import ModelInferResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from towpath.gateway.protocol import InferResponse

_CONTENTS: Final = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_LISTS: Final = ("keys", "subjects", "times", "entities")


def request_of(message: Any) -> InferRequest:
    """Read a `ModelInferRequest`.

    Parameters hold scalars here, so lists and `entities` come as JSON in a text. FP16 and BF16 come raw,
    as the protocol has it.

    Raises:
        InvalidRequest: Values come both raw and typed, in a field of another datatype, or not at all; or
            what `binary.attach` finds.
    """
    raw = list(message.raw_input_contents)
    inputs = [_tensor(one, has_raw=bool(raw)) for one in message.inputs]
    if raw and len(raw) != len(inputs):
        raise InvalidRequest(
            f"the request has {len(inputs)} inputs and raw contents for {len(raw)}",
            remedy="Send raw_input_contents for each input, in their order, or for none.",
        )
    request = InferRequest(
        inputs=inputs,
        id=message.id or None,
        parameters=_parameters(message.parameters),
        outputs=[
            WantedOutput(name=one.name, parameters=_plain(one.parameters))
            for one in message.outputs
        ]
        or None,
    )
    if raw:
        for tensor, data in zip(inputs, raw, strict=True):
            tensor.parameters = {binary.SIZE: len(data)}
        binary.attach(request, memoryview(b"".join(raw)))
    return request


def response_of(response: InferResponse, *, raw: bool) -> Any:
    """Return a `ModelInferResponse`, with raw contents where the request had them."""
    message = ModelInferResponse(
        model_name=response.model_name,
        model_version=response.model_version,
        id=response.id or "",
    )
    for name, value in response.parameters.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        message.parameters.add(key=name).value.string_param = text
    for output in response.outputs:
        tensor = message.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        if raw:
            message.raw_output_contents.append(binary.packed(output))
        else:
            getattr(tensor.contents, _CONTENTS[output.datatype]).extend(output.data)
    return message


def _tensor(message: Any, *, has_raw: bool) -> Tensor:
    made = Tensor if message.datatype in ("BOOL", "BYTES") else NumberTensor
    tensor = made(name=message.name, shape=list(message.shape), datatype=message.datatype)
    filled = [field.name for field, _ in message.contents.ListFields()]
    if has_raw:
        if filled:
            raise InvalidRequest(
                f"the input {tensor.name!r} has typed contents beside raw ones",
                remedy="Send one of them, for all inputs.",
                column=tensor.name,
            )
        return tensor
    field = _CONTENTS.get(tensor.datatype)
    if field is None or (filled and filled != [field]):
        wanted = f"Send them as {field}." if field else "Send them as raw_input_contents."
        raise InvalidRequest(
            f"the input {tensor.name!r} has no contents of datatype {tensor.datatype!r}",
            remedy=wanted,
            column=tensor.name,
        )
    values = list(getattr(message.contents, field))
    tensor.data = _texts(tensor.name, values) if tensor.datatype == "BYTES" else values
    return tensor


def _texts(name: str, values: Iterable[bytes]) -> list[Any]:
    texts: list[Any] = []
    for row, value in enumerate(values):
        try:
            texts.append(value.decode())
        except UnicodeDecodeError as error:
            raise InvalidRequest(
                f"the input {name!r} has a text in row {row} that is not UTF-8",
                column=name,
                row=row,
            ) from error
    return texts


def _parameters(entries: Iterable[Any]) -> InferParameters:
    said = _plain(entries)
    for name in _LISTS:
        if isinstance(said.get(name), str):
            said[name] = _from_json(name, said[name])
    try:
        return msgspec.convert(said, InferParameters)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"the request's parameters are not what is expected: {error}"
        ) from error


def _from_json(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidRequest(
            f"the parameter {name!r} is not JSON", remedy="Send it as JSON."
        ) from error


def _plain(entries: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        choice = entry.value.WhichOneof("parameter_choice")
        found[entry.key] = None if choice is None else getattr(entry.value, choice)
    return found


def filled(message: Any, values: Mapping[str, Any]) -> Any:
    """Give a message the values of the fields that it has; others it is not told of."""
    known = {field.name for field in message.DESCRIPTOR.fields}
    for name, value in values.items():
        if name not in known:
            continue
        if isinstance(value, list):
            _fill(getattr(message, name), value)
        else:
            setattr(message, name, value)
    return message


def _fill(field: Any, values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, dict):
            filled(field.add(), value)
        else:
            field.append(value)
