"""The messages of the Open Inference Protocol v2, REST form, and of our label and signal endpoints.

https://github.com/open-inference/open-inference-protocol, `specification/protocol/inference_rest.md`.
Our `parameters` say whom and what a decision is about; answers carry the decision's id in theirs.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads the annotation
from typing import Any

import msgspec

from towpath.core.errors import InvalidRequest


class Tensor(msgspec.Struct):
    """An input tensor: one column of the model, or all of them.

    Attributes:
        data: A list, flat or nested; a numpy array where the values came as bytes.
    """

    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: dict[str, Any] | None = None


class JsonTensor(Tensor):
    """A tensor as JSON has it."""

    data: list[Any] | None = None


class NumberTensor(Tensor):
    """A tensor whose data, where it is a list, holds nothing but numbers and nulls."""

    data: list[int | float | list[int | float | None] | None] | None = None


class TruthTensor(NumberTensor):
    """A tensor whose data, where it is a list, holds nothing but numbers, truth values and nulls."""

    data: list[bool | int | float | list[int | float | None] | None] | None = None  # pyright: ignore[reportIncompatibleVariableOverride] - a truth value is a number to Python


class WantedOutput(msgspec.Struct):
    """An output that the caller asks for by name."""

    name: str
    parameters: dict[str, Any] | None = None


class InferParameters(msgspec.Struct):
    """What the caller says about the rows: for one row, or as lists for many.

    Attributes:
        key: What the caller calls the thing decided on; stored as it is, so never a person's name.
        subject: Whom it is about; hashed at the door and never stored.
        time: Event time, ISO 8601; believed only by a gateway that replays.
        features: A feature service, or view, whose features are inputs of the model too.
        entities: By which they are looked up, one value per row; also what on-demand features ask for.
        binary_data_output: Send outputs as bytes unless they say otherwise; see `binary`.
        service_version: Which version of a program asks, `checkout-web@2.4.1`: answered by the release
            that it is on. Also a header, `towpath-service-version`; this one counts.
    """

    key: str | None = None
    keys: list[str | None] | None = None
    subject: str | None = None
    subjects: list[str | None] | None = None
    time: str | None = None
    times: list[str | None] | None = None
    features: str | None = None
    entities: dict[str, list[Any]] | None = None
    binary_data_output: bool = False
    service_version: str | None = None


class InferRequest(msgspec.Struct):
    """The body of `POST /v2/models/…/infer`."""

    inputs: Sequence[Tensor]
    id: str | None = None
    parameters: InferParameters = msgspec.field(default_factory=InferParameters)
    outputs: list[WantedOutput] | None = None


class _JsonRequest(InferRequest):
    inputs: list[JsonTensor]  # pyright: ignore[reportIncompatibleVariableOverride] - read as the wider one


class _NumberRequest(InferRequest):
    inputs: list[NumberTensor]  # pyright: ignore[reportIncompatibleVariableOverride] - read as the wider one


class _TruthRequest(InferRequest):
    inputs: list[TruthTensor]  # pyright: ignore[reportIncompatibleVariableOverride] - read as the wider one


class OutputTensor(msgspec.Struct, omit_defaults=True):
    """An output: one value per row, here or as bytes behind the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: Sequence[float | None] | None = None
    parameters: dict[str, Any] | None = None


class InferResponse(msgspec.Struct, omit_defaults=True):
    """The answer."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    parameters: dict[str, Any]
    id: str | None = None


class GivenLabel(msgspec.Struct):
    """What turned out to be true of one decision; `time` is when it was known (now, if absent)."""

    decision_id: str
    value: float | bool
    time: str | None = None


class LabelsRequest(msgspec.Struct):
    """The body of `POST /v2/labels`."""

    labels: list[GivenLabel]


class GivenSignal(msgspec.Struct):
    """What a customer did after a decision, which `decision_id`, or `service` and `key`, names.

    Attributes:
        name: What was measured: `clicked`, `refund_eur`.
        time: When it happened, ISO 8601; now, if absent.
    """

    name: str
    value: float | bool
    decision_id: str | None = None
    service: str | None = None
    key: str | None = None
    time: str | None = None


class SignalsRequest(msgspec.Struct):
    """The body of `POST /v2/signals`."""

    signals: list[GivenSignal]


_infer_decoder = msgspec.json.Decoder(_JsonRequest)
_numbers_decoder = msgspec.json.Decoder(_NumberRequest)
_truths_decoder = msgspec.json.Decoder(_TruthRequest)
_labels_decoder = msgspec.json.Decoder(LabelsRequest)
_signals_decoder = msgspec.json.Decoder(SignalsRequest)


def decode_infer(body: bytes, *, numbers: bool = False, truths: bool = False) -> InferRequest:
    """Read an inference request.

    Args:
        body: JSON.
        numbers: Expect nothing but numbers. They are then checked while they are read, in half the time;
            whatever has something else is read as if it had not been expected.
        truths: Expect truth values beside them.

    Raises:
        InvalidRequest: It is not JSON, or not this message; says where.
    """
    if numbers:
        try:
            return (_truths_decoder if truths else _numbers_decoder).decode(body)
        except msgspec.MsgspecError:
            pass  # read again, for the words of what is wrong: if anything is
    try:
        return _infer_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise _unreadable(error, body) from error


def decode_labels(body: bytes) -> LabelsRequest:
    """Read labels.

    Raises:
        InvalidRequest: They are not JSON, or not this message; says where.
    """
    try:
        return _labels_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise _unreadable(error, body) from error


def decode_signals(body: bytes) -> SignalsRequest:
    """Read signals.

    Raises:
        InvalidRequest: They are not JSON, or not this message; says where.
    """
    try:
        return _signals_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise _unreadable(error, body) from error


def _unreadable(error: msgspec.MsgspecError, body: bytes) -> InvalidRequest:
    """Say what is wrong with a body without repeating its values."""
    remedy = ""
    if isinstance(error, msgspec.ValidationError):
        return InvalidRequest(f"the request's body is not what is expected: {error}")
    if b"NaN" in body or b"Infinity" in body:
        remedy = "NaN and Infinity are not JSON; send null for a missing value."
    elif not body:
        remedy = "The body is empty."
    return InvalidRequest(f"the request's body is not JSON: {error}", remedy=remedy)
