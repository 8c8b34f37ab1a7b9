"""`POST /invocations`: rows in the forms that MLflow's and SageMaker's clients send.

JSON holds the rows under one of four keys; CSV holds them below a line of column names.

- `dataframe_split`: `{"columns": […], "data": [[…]]}`
- `dataframe_records`, `instances`: `[{"column": value}]`
- `inputs`: `{"column": [values]}`, or records as above
- `params`: what `InferParameters` takes

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ (the formats),
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html (paths and types).
"""

from __future__ import annotations

import csv
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.core.errors import InvalidRequest
from towpath.gateway.protocol import InferParameters, InferRequest, NumberTensor, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from towpath.assets.models import Signature
    from towpath.gateway.protocol import InferResponse

JSON: Final = "application/json"
CSV: Final = "text/csv"
_FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}


class _Split(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


class _Rows(msgspec.Struct):
    dataframe_split: _Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    instances: list[dict[str, Any]] | None = None
    inputs: dict[str, list[Any]] | list[dict[str, Any]] | None = None
    params: InferParameters = msgspec.field(default_factory=InferParameters)


class _NumberSplit(msgspec.Struct):
    columns: list[str]
    data: list[list[int | float | None]]


class _NumberRows(msgspec.Struct):
    """The same of nothing but numbers, which is so checked while it is read."""

    dataframe_split: _NumberSplit | None = None
    dataframe_records: list[dict[str, int | float | None]] | None = None
    instances: list[dict[str, int | float | None]] | None = None
    inputs: dict[str, list[int | float | None]] | list[dict[str, int | float | None]] | None = None
    params: InferParameters = msgspec.field(default_factory=InferParameters)


_decoder = msgspec.json.Decoder(_Rows)
_numbers_decoder = msgspec.json.Decoder(_NumberRows)
_encode = msgspec.json.Encoder().encode


def request_of(
    body: bytes, kind: str, signature: Signature, *, numbers: bool = False
) -> InferRequest:
    """Read the rows as a request of the protocol.

    Args:
        body: The rows.
        kind: Its content type; JSON if empty.
        signature: Says the datatypes of columns, which these forms don't.
        numbers: Expect nothing but numbers; see `decode_infer`.

    Raises:
        InvalidRequest: It is neither JSON nor CSV, or not of the forms above; says where, and repeats no
            value.
    """
    datatypes = {spec.name: spec.datatype for spec in signature.inputs}
    tensor: type[Tensor] = Tensor
    match kind.partition(";")[0].strip().lower():
        case "" | "application/json":
            columns, parameters, are_numbers = _from_json(body, numbers=numbers)
            tensor = NumberTensor if are_numbers else Tensor
        case "text/csv":
            columns, parameters = _from_csv(body, datatypes), InferParameters()
        case other:
            raise InvalidRequest(
                f"rows are not taken as {other!r}", remedy=f"Send {JSON} or {CSV}."
            )
    tensors = [
        tensor(name=name, shape=[len(values)], datatype=datatypes.get(name, "FP64"), data=values)
        for name, values in columns.items()
    ]
    return InferRequest(inputs=tensors, parameters=parameters)


def answer_of(response: InferResponse, accepts: str) -> tuple[bytes, str]:
    """Return the answer's body and type: CSV, a line per row, where that is all that is accepted."""
    outputs = [output.data or [] for output in response.outputs]
    if accepts.partition(";")[0].strip().lower() == CSV:
        lines = (map(_cell, row) for row in zip(*outputs, strict=True))
        return "".join(f"{','.join(line)}\n" for line in lines).encode(), CSV
    names = [output.name for output in response.outputs]
    single = outputs[0] if len(outputs) == 1 else None
    rows = [dict(zip(names, row, strict=True)) for row in zip(*outputs, strict=True)]
    said = {key: value for key, value in response.parameters.items() if key.startswith("decision")}
    return _encode({"predictions": rows if single is None else single, **said}), JSON


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _from_json(
    body: bytes, *, numbers: bool
) -> tuple[Mapping[str, list[Any]], InferParameters, bool]:
    """Return the columns, what is said of the rows, and whether all values are numbers or null."""
    rows: _Rows | _NumberRows | None = None
    if numbers:
        with suppress(msgspec.MsgspecError):  # read again, for the words of what is wrong
            rows = _numbers_decoder.decode(body)
    are_numbers = rows is not None
    try:
        rows = rows or _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"the request's body is not what is expected: {error}") from error
    forms = [name for name in _FORMS if getattr(rows, name) is not None]
    if len(forms) != 1:
        raise InvalidRequest(
            f"the body has {len(forms)} of the forms in which rows can come",
            remedy=f"Send one of: {', '.join(_FORMS)}.",
        )
    if rows.dataframe_split is not None:
        return _transposed(rows.dataframe_split), rows.params, are_numbers
    given = getattr(rows, forms[0])
    columns = given if isinstance(given, dict) else _gathered(given)
    return columns, rows.params, are_numbers


def _transposed(split: _Split | _NumberSplit) -> dict[str, list[Any]]:
    for number, row in enumerate(split.data):
        if len(row) != len(split.columns):
            raise InvalidRequest(
                f"row {number} has {len(row)} values for {len(split.columns)} columns", row=number
            )
    if len(set(split.columns)) != len(split.columns):
        raise InvalidRequest("a column is there twice")
    return {name: [row[at] for row in split.data] for at, name in enumerate(split.columns)}


def _gathered(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return records as columns; what a record leaves out is missing."""
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def _from_csv(body: bytes, datatypes: Mapping[str, str]) -> dict[str, list[Any]]:
    try:
        lines = list(csv.reader(body.decode("utf-8-sig").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest("the body is not CSV in UTF-8") from error
    if not lines:
        raise InvalidRequest("the body is empty", remedy="Send a line of column names, then rows.")
    columns = _transposed(_Split(columns=lines[0], data=[line for line in lines[1:] if line]))
    return {name: _read(name, values, datatypes.get(name)) for name, values in columns.items()}


def _read(name: str, values: Sequence[str], datatype: str | None) -> list[Any]:
    """Return a column's texts as values of its datatype; an empty one is missing."""
    read = _reader(datatype)
    found: list[Any] = []
    for row, text in enumerate(values):
        try:
            found.append(read(text) if text else None)
        except (ValueError, KeyError) as error:
            raise InvalidRequest(
                f"the input {name!r} has a value in row {row} that is not {datatype}",
                column=name,
                row=row,
            ) from error
    return found


def _reader(datatype: str | None) -> Callable[[str], Any]:
    if datatype is None or datatype == "BYTES":  # of a column that no model takes: refused by name
        return str
    if datatype == "BOOL":
        return lambda text: _TRUTHS[text.lower()]
    return int if "INT" in datatype else float
